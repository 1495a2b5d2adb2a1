"""Tracebacks that show the locals of every frame, as error trackers collect them, show no secret of ours."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import aigclens
from aigclens.testing import Emulator
from servers import Answer, Recorded, RecordingServer

SECRET = "canary-secret-7d1f"
TOKEN = "canary-token-93ab"
PASSWORD = "canary-password-55e0"
UPLOAD_SECRET = "canary-upload-secret-1c2d"
UPLOAD_TOKEN = "canary-upload-token-8e9f"
CANARIES = (SECRET, TOKEN, PASSWORD, UPLOAD_SECRET, UPLOAD_TOKEN)
OURS = str(Path(aigclens.__file__).parent)
URL = "https://img.example/a.png"


def credentials() -> aigclens.Credentials:
    return aigclens.Credentials("testid", SECRET, TOKEN)


def shown(work: Callable[[], object]) -> str:
    """Everything that a collector of errors could keep of one: text, locals of our frames, facts of the exception."""
    try:
        work()
    except Exception as error:
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        texts = []
        for one in _chain(whole):
            texts.append("".join(one.format_exception_only()))
            for frame in one.stack:
                if frame.filename.startswith(OURS):
                    texts += [f"{frame.name}: {name} = {value}" for name, value in (frame.locals or {}).items()]
        texts += _walked(error)
        return "\n".join([*texts, repr(error), str(error), repr(vars(error))])
    raise AssertionError("nothing was raised")


def _chain(one: traceback.TracebackException | None) -> list[traceback.TracebackException]:
    found = []
    while one is not None:
        found.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return found


def _walked(error: BaseException) -> list[str]:
    """Walks the frames as Sentry does, into containers and attributes of what they hold; also of suppressed causes."""
    texts: list[str] = []
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        waiting += [one.__cause__, one.__context__]
        step = one.__traceback__
        while step is not None:
            if step.tb_frame.f_code.co_filename.startswith(OURS):
                texts += _frame(step.tb_frame)
            step = step.tb_next
    return texts


def _frame(frame: FrameType) -> list[str]:
    texts = []
    for name, value in frame.f_locals.items():
        texts.append(f"{frame.f_code.co_name}: {name} = {value!r}")
        if isinstance(value, dict):
            texts += [f"{name}[{key!r}] = {inner!r}" for key, inner in value.items()]
        if isinstance(value, list | tuple):
            texts += [f"{name}: {inner!r}" for inner in value]
    return texts


def is_clean(text: str) -> bool:
    return not any(canary in text for canary in CANARIES)


def proxied(**options: Any) -> object:
    return aigclens.Client(credentials=credentials(), proxy=f"http://me:{PASSWORD}@127.0.0.1:9", **options)


@pytest.mark.parametrize(
    "work",
    [
        lambda: aigclens.Credentials("testid", SECRET + "\n"),
        lambda: aigclens.Credentials("testid", SECRET, TOKEN + " x"),
        lambda: aigclens.Credentials(SECRET + " ", TOKEN),
        lambda: aigclens.Client(credentials=("testid", SECRET)),  # type: ignore[arg-type]
        lambda: aigclens.AsyncClient(credentials={"secret": SECRET}),  # type: ignore[arg-type]
        lambda: proxied(region="mars-1"),
        lambda: proxied(timeout=-1),
        lambda: proxied(image_limits=7),
        lambda: aigclens.Client.local(proxy=f"http://me:{PASSWORD}@127.0.0.1:9", timeout=0),
        lambda: Emulator(access_key_secret=SECRET, security_token=TOKEN, host="192.0.2.1"),
        lambda: Emulator(access_key_secret=SECRET, security_token=TOKEN, clock_offset=float("nan")),
        lambda: Emulator(access_key_secret=SECRET + " "),
    ],
    ids=range(12),
)
def test_what_is_raised_while_something_is_made(work: Callable[[], object]) -> None:
    """N14: clients, credentials and emulators."""
    text = shown(work)
    assert "ConfigError" in text
    assert "self = " in text or "cls = " in text or "__init__" in text, "our frames are there"
    assert is_clean(text), text


def test_what_is_raised_by_a_client_of_an_emulator() -> None:
    """N14."""
    with Emulator(access_key_secret=SECRET, security_token=TOKEN) as emulator:
        for make in (emulator.client, emulator.async_client):
            text = shown(lambda: make(proxy=f"http://me:{PASSWORD}@127.0.0.1:9", timeout=0))
            assert "merged" in text
            assert is_clean(text), text
        assert is_clean(repr(emulator))


def test_what_is_raised_by_calls_and_uploads(tmp_path: Path, png: bytes) -> None:
    """N14: transport, refusals that echo what was signed, uploads, files; in both doors."""
    (tmp_path / "a.png").write_bytes(png)

    def answer(request: Recorded) -> Answer | None:
        if request.method == "PUT":
            echo = f"<Error><Code>SignatureDoesNotMatch</Code><StringToSign>{UPLOAD_TOKEN}</StringToSign>"
            return Answer(403, f"{echo}<Message>not {UPLOAD_SECRET}</Message></Error>".encode())
        if request.header("x-acs-action") == "DescribeUploadToken":
            body = f"""{{"Code":200,"RequestId":"T","Data":{{"AccessKeyId":"STS.u","AccessKeySecret":"{UPLOAD_SECRET}",
            "SecurityToken":"{UPLOAD_TOKEN}","BucketName":"bucket","FileNamePrefix":"upload/","Expiration":4102444800,
            "OssInternetEndPoint":"http://127.0.0.1:{server.port}"}}}}"""
            return Answer(body=body.encode())
        if b"gone" in request.body:
            return None
        message = f"server string to sign: {TOKEN} {SECRET}"
        return Answer(400, f'{{"Code":"SignatureDoesNotMatch","Message":"{message}","RequestId":"R"}}'.encode())

    with RecordingServer(answer) as server:
        client = aigclens.Client(endpoint=server.url, credentials=credentials(), max_retries=0)
        async_client = aigclens.AsyncClient(endpoint=server.url, credentials=credentials(), max_retries=0)
        sources: list[Any] = [
            URL,
            "https://img.example/gone.png",
            tmp_path / "a.png",
            tmp_path / "none.png",
            b"text",
            5,
        ]
        for source in sources:
            for work in (lambda: client.detect(source), lambda: asyncio.run(async_client.detect(source))):
                text = shown(work)
                assert "detect: self = <" in text, "our frames are there"
                assert is_clean(text), text
        assert any(request.method == "PUT" for request in server.requests)
        for holder in (client, async_client, credentials()):
            assert is_clean(f"{holder!r} {holder!s} {dir(holder)!r}")


def test_what_is_raised_at_a_proxy() -> None:
    """N14: the password in a proxy's URL."""
    client = aigclens.Client(
        endpoint="https://service.example", credentials=credentials(), proxy=f"http://me:{PASSWORD}@127.0.0.1:9"
    )
    text = shown(lambda: client.detect(URL, max_retries=0))
    assert "ProxyError" in text
    assert is_clean(text), text
