"""The hunt for secrets: plants them, makes everything fail that can fail, and looks through all that came out.

Planted are the access key secret, the STS token, the upload token's secret and token, and a proxy's password; every
signature that goes over the wire is a canary as well. The servers of this program echo what they were sent, as the real
ones partly do. Exit code 1 if anything is found.
"""

from __future__ import annotations

import asyncio
import copy
import io
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from canaries import Canaries, describe, frozen, trouble
from secrets_in_scans import hunt_scans

import aigclens
import images
from aigclens.testing import Emulator
from servers import Answer, Recorded, RecordingServer

URL = "https://example.com/cat.png"
KEY_ID = "hunted-access-key-id"
HUNT = Canaries()
HUNT.plant("secret", "Kq7vZ2mXw9Rt4Lb8Ns3Hd6Yf")
HUNT.plant("sts-token", "CAISzY+3kPw/8vTq=Jm5Wx&Rb2Hc4Ld6Fg")
HUNT.plant("upload-secret", "Up9LoadXe4SecretQw7ErtZv1")
HUNT.plant("upload-token", "UpTok/5Vn8+Bx3Mz6=Kj9Hg2Fd")
HUNT.plant("proxy-password", "Pr0xyWordGt5Hy7Ju8Ki9Lo")


def credentials() -> aigclens.Credentials:
    return aigclens.Credentials(KEY_ID, HUNT.value("secret"), HUNT.value("sts-token"))


class Log(logging.Handler):
    """Everything that any logger says at any level, formatted with its exceptions."""

    def __init__(self) -> None:
        super().__init__(1)
        self.text = io.StringIO()
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.text.write(self.format(record) + "\n")
        self.text.write(repr(record.__dict__) + "\n")


class Scene:
    """A server that refuses in many ways, and notes what came over the wire."""

    def __init__(self) -> None:
        self.mood: Callable[[Recorded], Answer | None] = lambda request: Answer()
        self.lines: list[str] = []

    def answer(self, request: Recorded) -> Answer | None:
        self.lines.append(f"{request.method} {request.target}")
        for name, value in request.headers:
            if name.lower() == "authorization":
                signature = re.search(r"Signature=(\S+)|OSS [^:]+:(\S+)", value)
                assert signature is not None, "a signature of an unknown form"
                HUNT.plant(f"signature-{len(HUNT.names)}", signature[1] or signature[2])
        if request.header("x-acs-action") == "DescribeUploadToken" or "Action=DescribeUploadToken" in request.target:
            return self.token(request)
        return self.mood(request)

    def token(self, request: Recorded) -> Answer:
        data = {
            "AccessKeyId": "STS.hunted",
            "AccessKeySecret": HUNT.value("upload-secret"),
            "SecurityToken": HUNT.value("upload-token"),
            "BucketName": "bucket",
            "FileNamePrefix": "upload/x/",
            "OssInternetEndPoint": f"http://{request.header('host')}",
            "Expiration": int(time.time()) + 3600,
        }
        return Answer(body=json.dumps({"Code": 200, "RequestId": "R", "Data": data}).encode())


def echo(request: Recorded) -> str:
    """All that a server knows of a request."""
    return request.target + " " + " ".join(f"{name}: {value}" for name, value in request.headers)


def gateway(code: str) -> Callable[[Recorded], Answer]:
    def refuse(request: Recorded) -> Answer:
        body = {"Code": code, "Message": f"refused; server string to sign is:{echo(request)}", "RequestId": "R"}
        return Answer(400, json.dumps(body).encode())

    return refuse


def xml(request: Recorded) -> Answer:
    text = f"""<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><Message>{echo(request)}</Message>
      <RequestId>R</RequestId><OSSAccessKeyId>STS.hunted</OSSAccessKeyId><SignatureProvided>{echo(request)}
      </SignatureProvided><StringToSign>{echo(request)}</StringToSign></Error>"""
    return Answer(403, text.replace("&", "&amp;").encode())


MOODS: dict[str, Callable[[Recorded], Answer | None]] = {
    "signature refused": gateway("SignatureDoesNotMatch"),
    "token refused": gateway("InvalidSecurityToken.Malformed"),
    "unknown gateway code": gateway("SomethingNew"),
    "throttled": gateway("Throttling.User"),
    "business code": lambda r: Answer(body=json.dumps({"Code": 400, "Msg": echo(r), "RequestId": "R"}).encode()),
    "unknown business code": lambda r: Answer(body=json.dumps({"Code": 999, "Msg": echo(r)}).encode()),
    "HTML": lambda r: Answer(502, f"<html><body>{echo(r)}</body></html>".encode(), {"content-type": "text/html"}),
    "HTML with 200": lambda r: Answer(200, f"<html>{echo(r)}</html>".encode(), {"content-type": "text/html"}),
    "redirect": lambda r: Answer(302, echo(r).encode(), {"location": "https://evil.example/?" + r.target}),
    "not JSON": lambda r: Answer(200, echo(r).encode()),
    "cut JSON": lambda r: Answer(200, json.dumps({"Code": 200, "Msg": echo(r)})[:-3].encode()),
    "no data": lambda r: Answer(200, json.dumps({"Code": 200, "Msg": echo(r)}).encode()),
    "gone": lambda r: None,
    "storage refuses": xml,
    "success": lambda r: Answer(headers={"x-oss-request-id": "R"}) if r.method == "PUT" else Answer(),
}


def look(sink: str, texts: Iterator[str | bytes] | Iterator[str]) -> None:
    for text in texts:
        HUNT.hunt(sink, text)


def calls(client: aigclens.Client, png: bytes) -> None:
    for source in (URL, png):
        try:
            found = client.detect(source, data_id="image-1")
        except aigclens.AigcError as error:
            look("exceptions", trouble(error))
            look("exceptions", iter([repr(copy.deepcopy(error))]))
        else:
            look("results", describe(found))
            HUNT.hunt("pickles", frozen(found))


async def awaited(options: dict[str, Any], png: bytes) -> None:
    async with aigclens.AsyncClient(**options) as client:
        look("clients", describe(client))
        outcomes = await asyncio.gather(client.detect(URL), client.detect(png), return_exceptions=True)
        for outcome in outcomes:
            look("exceptions", trouble(outcome) if isinstance(outcome, BaseException) else describe(outcome))


def hunt_calls(png: bytes) -> None:
    """Both doors, both signatures, each way to fail; what is seen on the way is heard at the finest level."""
    scene = Scene()
    heard: list[Any] = []
    with RecordingServer(scene.answer) as server:
        for signature, upload in (("acs3-hmac-sha256", "v4"), ("acs3-hmac-sha256", "v1"), ("hmac-sha1", "v4")):
            options: dict[str, Any] = {
                "endpoint": server.url,
                "credentials": credentials(),
                "signature": signature,
                "upload_signature": upload,
                "max_retries": 1,
                "qps": None,
                "timeout": 5.0,
                "on_event": heard.append,
            }
            for mood in MOODS.values():
                scene.mood = mood
                scene.lines.clear()
                with aigclens.Client(**options) as client:
                    look("clients", describe(client))
                    look("clients", describe(client.with_options(timeout=1.0)))
                    HUNT.hunt("pickles", frozen(client))
                    calls(client, png)
                asyncio.run(awaited(options, png))
                if signature != "hmac-sha1":
                    # The older signature travels in the URL by its nature, which is why it is opt-in.
                    HUNT.hunt("URLs on the wire", "\n".join(scene.lines))
    for event in heard:
        look("events", describe(event))
        HUNT.hunt("pickles", frozen(event))


def hunt_construction() -> None:
    """What cannot be made says why without saying what."""
    secret, token = HUNT.value("secret"), HUNT.value("sts-token")
    word = HUNT.value("proxy-password")
    key = credentials()
    attempts: list[Callable[[], object]] = [
        lambda: aigclens.Credentials(KEY_ID, secret + "\n", token),
        lambda: aigclens.Credentials(KEY_ID, secret, token + " "),
        lambda: aigclens.Client(credentials=(KEY_ID, secret)),  # type: ignore[arg-type]
        lambda: aigclens.Client(endpoint=f"https://user:{secret}@host", credentials=key),
        lambda: aigclens.Client(proxy=f"http://u:{word}@", credentials=key).detect(URL),
        lambda: aigclens.Client(proxy=f"socks5://u:{word}@h", credentials=key).detect(URL),
        lambda: aigclens.Client(pace=f"redis://u:{word}@h:x", credentials=key),
        lambda: aigclens.Client(pace=f"redis://u:{word}@127.0.0.1:9", credentials=key).detect(URL),
        lambda: aigclens.Client(qps=-1, credentials=key),
        lambda: aigclens.Client(credentials=key).detect("no-such-file.png"),
    ]
    for attempt in attempts:
        try:
            attempt()
        except Exception as error:
            # This frame holds the canaries itself; what is looked at are the frames below it.
            here = error.__traceback__
            below = here.tb_next if here else None
            error.__traceback__ = below.tb_next if below else None
            look("exceptions", trouble(error))
        else:
            raise AssertionError("an attempt that was meant to fail did not")
    for thing in (credentials(), aigclens.Client(credentials=credentials())):
        # The caller's own object has the secret in a private attribute; what it shows is looked at.
        shown = [repr(thing), str(thing), f"{thing}"] if isinstance(thing, aigclens.Credentials) else describe(thing)
        look("clients", iter(shown))
        HUNT.hunt("pickles", frozen(thing))


def hunt_proxy(png: bytes) -> None:
    """A proxy that refuses, answers nonsense or goes away."""
    password = HUNT.value("proxy-password")
    moods: list[Callable[[Recorded], Answer | None]] = [
        lambda r: Answer(407, echo(r).encode(), {"proxy-authenticate": "Basic"}),
        lambda r: Answer(403, echo(r).encode()),
        lambda r: Answer(200, echo(r).encode()),
        lambda r: None,
    ]
    for mood in moods:
        with RecordingServer(mood) as server:
            proxy = f"http://user:{password}@127.0.0.1:{server.port}"
            with aigclens.Client(credentials=credentials(), proxy=proxy, max_retries=1, qps=None) as client:
                look("clients", describe(client))
                HUNT.hunt("pickles", frozen(client))
                calls(client, png)
            lines = "\n".join(f"{request.method} {request.target}" for request in server.requests)
            HUNT.hunt("URLs on the wire", lines)


def run(arguments: list[str], **variables: str) -> str:
    """A program of its own: all that it wrote."""
    environment = {**os.environ, "AIGCLENS_LOG": "debug", "PYTHONFAULTHANDLER": "1", **variables}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


def hunt_cli(folder: Path, png: bytes) -> None:
    image = folder / "image.png"
    image.write_bytes(png)
    scene = Scene()
    command = [sys.executable, "-m", "aigclens"]
    with RecordingServer(scene.answer) as server:
        variables = {
            "AIGCLENS_ENDPOINT": server.url,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY_ID,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": HUNT.value("secret"),
            "ALIBABA_CLOUD_SECURITY_TOKEN": HUNT.value("sts-token"),
        }
        for name in ("signature refused", "business code", "HTML", "storage refuses", "gone", "success"):
            scene.mood = MOODS[name]
            for options in ([], ["--json"]):
                HUNT.hunt("command", run([*command, "detect", str(image), URL, *options], **variables))
    proxied = {**variables, "HTTPS_PROXY": f"http://u:{HUNT.value('proxy-password')}@127.0.0.1:9"}
    del proxied["AIGCLENS_ENDPOINT"]
    HUNT.hunt("command", run([*command, "detect", URL], **proxied))
    malformed = {**proxied, "HTTPS_PROXY": proxied["HTTPS_PROXY"] + "x"}
    HUNT.hunt("command", run([*command, "detect", URL], **malformed))


def hunt_emulator(png: bytes) -> None:
    """The emulator knows the key; its pages, its ledger and its object do not tell it."""
    with Emulator(
        qps=0, access_key_id=KEY_ID, access_key_secret=HUNT.value("secret"), security_token=HUNT.value("sts-token")
    ) as emulator:
        emulator.answer(url=URL, label="aigc")
        with emulator.client(qps=None) as client:
            calls(client, png)
        with emulator.client(qps=None, credentials=aigclens.Credentials(KEY_ID, "wrong-secret", None)) as client:
            calls(client, png)
        emulator.answer(data_id="image-1", code=404)
        with emulator.client(qps=None, signature="hmac-sha1") as client:
            calls(client, png)
        HUNT.hunt("emulator", repr(emulator) + str(emulator))
        HUNT.hunt("emulator", repr(emulator.ledger()))
        for page in ("", "requests", "ledger", "connections", "answers", "settings"):
            status, text = emulator._native.control("GET", f"/_emulator/{page}", "")
            assert status == 200, page
            HUNT.hunt("emulator", text)


@contextmanager
def watched(log: Log) -> Iterator[list[warnings.WarningMessage]]:
    root = logging.getLogger()
    root.addHandler(log)
    root.setLevel(1)
    logging.getLogger("aigclens").setLevel(1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
    root.removeHandler(log)


def prove_the_hunt() -> None:
    """A hunt that finds nothing could be a blind one: each canary is found where it is, in part and in disguise."""
    for name in HUNT.names:
        value = HUNT.value(name)
        for text in (f"x{value}x", f"x{value[3:18]}x", json.dumps({"a": value}), value.encode().hex()):
            before = len(HUNT.found)
            HUNT.hunt("proof", text)
            assert len(HUNT.found) == before + 1, f"the hunt is blind for {name}"
            HUNT.found.pop()
    HUNT.searched.pop("proof")


def main() -> int:
    prove_the_hunt()
    log = Log()
    png = images.png(256, 256)
    with watched(log) as caught, tempfile.TemporaryDirectory() as folder:
        hunt_construction()
        hunt_calls(png)
        hunt_proxy(png)
        hunt_emulator(png)
        hunt_cli(Path(folder), png)
        hunt_scans(HUNT, Scene(), MOODS, credentials, Path(folder), png)
    HUNT.hunt("logs", log.text.getvalue())
    HUNT.hunt("warnings", "\n".join(str(one.message) for one in caught))
    HUNT.hunt("command lines", Path("/proc/self/cmdline").read_bytes())
    assert "ImageModeration" in log.text.getvalue(), "the log heard nothing: the hunt would be void"
    prove_the_hunt()
    signatures = sum(name.startswith("signature-") for name in HUNT.names)
    print(f"{len(HUNT.names) - signatures} planted secrets and {signatures} signatures, looked for in:")
    for sink, size in sorted(HUNT.searched.items()):
        print(f"  {sink:20} {size:12,} bytes")
    for find in HUNT.found:
        print(f"FOUND in {find}")
    print(f"{len(HUNT.found)} found")
    return 1 if HUNT.found else 0


if __name__ == "__main__":
    sys.exit(main())
