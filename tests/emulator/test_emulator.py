"""The emulator as its users see it: in process, as a fixture, over HTTP, and honest about what it is."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import aigclens
import images
from aigclens.testing import Emulator
from servers import Answer, Recorded, RecordingServer

pytest_plugins = ["pytester"]


def page(emulator: Emulator, method: str, path: str, body: str = "", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
    connection.request(method, f"/_emulator/{path}", body, headers)
    answer = connection.getresponse()
    status, text = answer.status, answer.read()
    assert (answer.getheader("server") or "").startswith("aigclens-emulator/")
    connection.close()
    return status, json.loads(text)


def test_the_ledger_from_python_and_over_http(emulator: Emulator, client: aigclens.Client, declared_png: bytes) -> None:
    assert emulator.ledger().total == 0
    found = client.detect(declared_png, data_id="img-1")
    emulator.answer(url="https://img.example/a", label="nonLabel")
    client.detect("https://img.example/a")
    for refused in (b"<html>", b"hello"):
        with pytest.raises(aigclens.InputError):
            client.detect(refused)
    ledger = emulator.ledger()
    assert (ledger.billed, ledger.total, ledger.price_per_call) == (2, Decimal("0.0012"), Decimal("0.0006"))
    first, second = ledger.entries
    assert (first.seq, first.request_id, first.data_id, first.source) == (1, found.request_id, "img-1", "upload")
    assert (first.label, first.confidence, first.service) == ("aigc", 90.0, "aigcDetector_global")
    assert (second.source, second.label, second.confidence) == ("url", "nonLabel", None)
    status, over_http = page(emulator, "GET", "ledger?after=1")
    assert (status, over_http["billed"], over_http["total"]) == (200, 2, "0.0012")
    assert [entry["seq"] for entry in over_http["entries"]] == [2]


@pytest.mark.parametrize(
    ("text", "xmp", "label", "confidence", "risk"),
    [
        ({}, None, "nonLabel", None, "none"),
        ({"parameters": images.A1111}, None, "aigc", 90.0, "high"),
        ({"AIGC": images.AIGC_LABEL}, None, "aigc", 95.0, "high"),
        ({}, images.XMP.format("trainedAlgorithmicMedia"), "aigc", 95.0, "high"),
        ({}, images.XMP.format("compositeWithTrainedAlgorithmicMedia"), "aigc", 60.0, "medium"),
        ({}, images.XMP.format("digitalCapture"), "nonLabel", None, "none"),
        ({}, images.XMP.format("algorithmicMedia"), "nonLabel", None, "none"),
        ({"parameters": "exposure: 1/60"}, None, "nonLabel", None, "none"),
    ],
)
def test_the_judge_repeats_what_images_declare(
    client: aigclens.Client, text: dict[str, str], xmp: str | None, label: str, confidence: float | None, risk: str
) -> None:
    found = client.detect(images.png(256, 256, text=text, xmp=xmp))
    assert (found.label, found.confidence, found.risk_level, found.engine) == (label, confidence, risk, "emulator")


def test_other_judges(emulator: Emulator, client: aigclens.Client) -> None:
    emulator.settings(ugc_label=True)
    captured = images.png(256, 256, xmp=images.XMP.format("digitalCapture"))
    assert client.detect(captured).label == "ugc"
    emulator.settings(judge={"label": "aigc", "confidence": 42.0})
    assert client.detect(captured).confidence == 42.0
    assert client.detect("https://img.example/nowhere.png").confidence == 42.0
    emulator.settings(judge="hash")
    verdicts = {client.detect(f"https://img.example/{n}.png").label for n in range(40)}
    assert verdicts == {"aigc", "nonLabel"}
    assert client.detect(captured).confidence == client.detect(captured).confidence


@pytest.fixture
def pictures(declared_png: bytes) -> Iterator[RecordingServer]:
    release = threading.Event()

    def answer(request: Recorded) -> Answer | None:
        if "slow" in request.target:
            release.wait(20)
        if "gone" in request.target:
            return Answer(404, b"gone")
        if "broken" in request.target:
            return None
        if "text" in request.target:
            return Answer(body=b"no image")
        if "large" in request.target:
            return Answer(body=declared_png + bytes(20 * 1024 * 1024))
        if "wide" in request.target:
            return Answer(body=images.png(17_000, 1))
        return Answer(body=declared_png)

    with RecordingServer(answer) as running:
        yield running
        release.set()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gone.png", aigclens.ImageDownloadError),
        ("broken.png", aigclens.ImageDownloadError),
        ("slow.png", aigclens.ImageDownloadTimeout),
        ("large.png", aigclens.ImageTooLarge),
        ("wide.png", aigclens.ImageTooLarge),
        ("text.png", aigclens.UnsupportedImageFormat),
    ],
)
def test_a_url_is_really_fetched(
    emulator: Emulator, client: aigclens.Client, pictures: RecordingServer, name: str, kind: type[aigclens.AigcError]
) -> None:
    emulator.settings(fetch_timeout=30)
    assert client.detect(f"{pictures.url}/cat.png?x=1&y=%20", referer="https://me.example/").label == "aigc"
    fetched = pictures.requests[-1]
    assert (fetched.method, fetched.target, fetched.header("referer")) == (
        "GET",
        "/cat.png?x=1&y=%20",
        "https://me.example/",
    )
    if name == "slow.png":
        emulator.settings(fetch_timeout=0.1)
    with pytest.raises(kind) as refused:
        client.detect(f"{pictures.url}/{name}")
    assert type(refused.value) is kind
    assert refused.value.billing == "not_billed"
    assert emulator.ledger().billed == 1


def test_scripts(emulator: Emulator, client: aigclens.Client, png: bytes) -> None:
    emulator.answer(sha256=hashlib.sha256(png).hexdigest(), label="aigc", confidence=7.5)
    emulator.answer(data_id="bad", code=500, message="so it was scripted", times=2)
    emulator.answer(
        data_id="many", labels=[{"label": "ugc"}, {"label": "aigc", "confidence": 99, "risk_level": "high"}]
    )
    assert client.detect(png).confidence == 7.5
    for _ in range(2):
        with pytest.raises(aigclens.ServerError, match="so it was scripted"):
            client.detect(png, data_id="bad", max_retries=0)
    assert client.detect(png, data_id="bad").confidence == 7.5
    assert client.detect(png, data_id="many").label == "aigc"
    emulator.forget_answers()
    assert client.detect(png).label == "nonLabel"
    for nonsense in ({}, {"label": "aigc", "code": 404}, {"label": "a", "times": 0}, {"code": float("nan")}):
        with pytest.raises(aigclens.ConfigError):
            emulator.answer(**nonsense)


def test_settings_and_reset(emulator: Emulator, client: aigclens.Client, png: bytes) -> None:
    assert emulator.settings(qps=7)["qps"] == 7
    for nonsense in ({"speed": 1}, {"qps": -1}, {"judge": "coin"}, {"clock_offset": "now"}):
        with pytest.raises(aigclens.ConfigError):
            emulator.settings(**nonsense)
    assert emulator.settings()["qps"] == 7
    client.detect(png)
    actions = [request["action"] for request in emulator.requests()]
    assert actions == ["DescribeUploadToken", "PutObject", "ImageModeration"]
    emulator.reset()
    assert (emulator.ledger().billed, emulator.requests(), emulator.settings()["qps"]) == (0, [], 0)


def test_two_emulators_do_not_know_each_other(declared_png: bytes) -> None:
    with Emulator() as one, Emulator() as other, one.client() as client:
        client.detect(declared_png)
        assert (one.ledger().billed, other.ledger().billed) == (1, 0)
        with aigclens.Client(endpoint=other.url, credentials=aigclens.Credentials("who", "knows")) as stranger:
            with pytest.raises(aigclens.AuthenticationError, match="access key id"):
                stranger.detect(declared_png)


def test_an_expired_upload_token_is_refused_and_a_new_one_fetched(
    emulator: Emulator, client: aigclens.Client, png: bytes
) -> None:
    """K03: a token that the storage does not know is replaced once, and the image uploaded again."""
    client.detect(png)
    emulator.settings(clock_offset=800.0, token_lifetime=1.0)
    emulator.reset()
    found = client.detect(png)
    assert [(one.operation, one.outcome) for one in found.attempts] == [
        ("PutObject", "UploadError"),
        ("DescribeUploadToken", "ok"),
        ("PutObject", "ok"),
        ("ImageModeration", "ok"),
    ]
    assert found.billing == "billed" and emulator.ledger().billed == 1


def test_one_token_for_many_uploads_at_once(emulator: Emulator, png: bytes) -> None:
    async def many() -> None:
        async with emulator.async_client() as client:
            await asyncio.gather(*(client.detect(png) for _ in range(200)))

    asyncio.run(many())
    actions = [request["action"] for request in emulator.requests()]
    assert (actions.count("DescribeUploadToken"), actions.count("PutObject")) == (1, 200)
    paths = {request["path"] for request in emulator.requests() if request["action"] == "PutObject"}
    assert len(paths) == 200, "no two objects share a name (K10)"


def test_local_clients_bring_their_own(declared_png: bytes) -> None:
    with aigclens.Client.local() as client:
        assert client.emulator is not None
        assert client.detect(declared_png).is_aigc
        port = client.emulator.port
        assert client.emulator.ledger().billed == 1
    with pytest.raises(OSError, match=r"refused|reset"):
        http.client.HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/")
    with pytest.raises(aigclens.ConfigError):
        aigclens.Client.local(timeout=-1)

    async def awaited() -> bool | None:
        async with aigclens.AsyncClient.local(service="aigcDetector_mine") as client:
            found = await client.detect(declared_png)
            assert found.service == "aigcDetector_mine"
            assert found.warnings == ("unknown_service",)
            return found.is_aigc

    assert asyncio.run(awaited())


def test_what_an_emulator_must_not_be() -> None:
    for options in (
        {"host": "0.0.0.0"},
        {"host": "example.com"},
        {"access_key_id": "LTAI5tSomethingReal"},
        {"port": 70_000},
        {"qps": 1.5},
    ):
        with pytest.raises(aigclens.ConfigError):
            Emulator(**options)
    with Emulator() as running, pytest.raises(aigclens.ConfigError, match="port 0"):
        Emulator(port=running.port)


def test_web_pages_cannot_steer_it(emulator: Emulator) -> None:
    assert page(emulator, "POST", "reset", Origin="https://evil.example")[0] == 403
    assert page(emulator, "GET", "", Host="evil.example")[0] == 403
    status, index = page(emulator, "GET", "")
    assert status == 200
    assert "no Alibaba Cloud service" in index["note"]
    assert emulator.access_key_secret not in json.dumps(index)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_of_a_fork_may_use_it_and_does_not_stop_it(emulator: Emulator, declared_png: bytes) -> None:
    child = os.fork()
    if child == 0:
        try:
            with emulator.client() as client:
                fine = client.detect(declared_png).is_aigc
            emulator.stop()
            os._exit(0 if fine else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    with emulator.client() as client:
        assert client.detect(declared_png).is_aigc


def test_the_fixture_for_users_points_their_code_at_it(pytester: pytest.Pytester, png: bytes) -> None:
    """As in a project of a user's: pytest finds the plugin by itself, and code without options is safe."""
    pytester.path.joinpath("image.png").write_bytes(png)
    pytester.makepyfile(
        """
        import asyncio, aigclens

        def test_mine(aigclens_emulator):
            aigclens_emulator.answer(label="aigc", confidence=99.0)
            assert aigclens.detect("image.png").confidence == 99.0
            assert asyncio.run(aigclens.adetect("image.png")).engine == "emulator"
            assert aigclens.Client().endpoint == aigclens_emulator.url
            assert aigclens_emulator.ledger().billed == 2

        def test_each_has_its_own(aigclens_emulator):
            assert aigclens_emulator.ledger().billed == 0
            assert aigclens.detect("image.png").label == "nonLabel"
        """
    )
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=2)
