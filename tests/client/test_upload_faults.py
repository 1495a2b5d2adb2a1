"""Faults in the middle of a large upload, which is free and may be repeated: what it costs is time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

import aigclens
from raw_server import Peer, RawServer, answer

CREDENTIALS = aigclens.Credentials("testid", "testsecret")
STORED = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-oss-request-id: 5C3D\r\n\r\n"
TOO_LARGE = (
    b"<?xml version='1.0'?><Error><Code>EntityTooLarge</Code><Message>no</Message><RequestId>5C3D</RequestId></Error>"
)
# More than fits into the buffers of the system between here and a server that does not read.
LARGE = 8 * 1024 * 1024


def token(port: int) -> bytes:
    data = {
        "AccessKeyId": "STS.testid",
        "AccessKeySecret": "uploadsecret",
        "SecurityToken": "uploadtoken",
        "BucketName": "bucket",
        "FileNamePrefix": "upload/1/",
        "Expiration": int(time.time()) + 3600,
        "OssInternetEndPoint": f"http://127.0.0.1:{port}",
    }
    return answer(json.dumps({"Code": 200, "Msg": "OK", "RequestId": "T", "Data": data}).encode())


def service(*puts: Callable[[Peer, bytes], None]) -> RawServer:
    """Service and storage in one. The first function plays the first upload and so on, the last one all that follow."""
    uploads: list[bytes] = []

    def script(peer: Peer) -> None:
        while head := peer.head():
            if not head.startswith(b"PUT "):
                is_token = b"x-acs-action: describeuploadtoken" in peer.rest(head).lower()
                peer.send(token(peer.server.port) if is_token else answer())
                continue
            uploads.append(head)
            puts[min(len(uploads), len(puts)) - 1](peer, head)

    return RawServer(script, window=64 * 1024)


def store(peer: Peer, head: bytes) -> None:
    peer.rest(head)
    peer.send(STORED)


def reset(peer: Peer, head: bytes) -> None:
    assert len(peer.read(65536)) == 65536
    peer.reset()


def stop_reading(peer: Peer, head: bytes) -> None:
    assert len(peer.read(65536)) == 65536
    peer.hang()


def refuse_early(peer: Peer, head: bytes) -> None:
    peer.send(answer(TOO_LARGE, b"HTTP/1.1 413 Too Large", b"connection: close"))
    peer.finish()
    peer.hang()


@pytest.fixture(scope="module")
def large(png: bytes) -> bytes:
    return png + bytes(LARGE)


def client(server: RawServer, **options: object) -> aigclens.Client:
    made = {"max_retries": 2, "qps": None, "timeout": 20.0, **options}
    return aigclens.Client(endpoint=server.url, credentials=CREDENTIALS, **made)  # type: ignore[arg-type]


def trail(outcome: aigclens.Detection | aigclens.AigcError) -> list[tuple[str, str, str]]:
    return [(one.operation, one.outcome, one.billing) for one in outcome.attempts]


TOKEN = ("DescribeUploadToken", "ok", "not_billed")
UPLOADED = [("PutObject", "ok", "not_billed"), ("ImageModeration", "ok", "billed")]


def test_a_reset_in_the_middle_of_an_upload(large: bytes) -> None:
    """F12: the same object again, and nothing of it is in doubt."""
    broken = ("PutObject", "AmbiguousOutcomeError", "not_billed")
    with service(reset, reset, store) as server, client(server) as made:
        found = made.detect(large)
        assert trail(found) == [TOKEN, broken, broken, *UPLOADED]
        assert found.billing == "billed"
        stored = [request for request in server.requests if request.startswith(b"PUT ")]
        assert len(stored) == 1, "what was broken off never arrived"
        assert stored[0].endswith(large)
    with service(reset, store) as server, client(server, on_ambiguous="raise") as made:
        assert trail(made.detect(large)) == [TOKEN, broken, *UPLOADED], "free: the policy for doubts does not apply"
    with service(reset, store) as server, client(server, max_retries=0) as made:
        with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
            made.detect(large)
        assert (trail(lost.value), lost.value.billing) == ([TOKEN, broken], "not_billed")
        assert trail(made.detect(large)) == UPLOADED, "the next call works, with the token it has"


def test_the_retries_put_the_very_same_object(large: bytes) -> None:
    """F12, K05: one name, so that a copy that arrived after all is written over."""
    names: list[bytes] = []

    def noted(peer: Peer, head: bytes) -> None:
        names.append(head.split(b" ")[1])
        (reset if len(names) < 3 else store)(peer, head)

    with service(noted) as server, client(server) as made:
        assert made.detect(large).billing == "billed"
    assert len(names) == 3
    assert len(set(names)) == 1


def test_a_storage_that_stops_reading(large: bytes) -> None:
    """F21, K09: the window is closed, and the attempt's time-out ends it: not the system's, which takes minutes."""
    stalled = ("PutObject", "DetectTimeout", "not_billed")
    with service(stop_reading, store) as server, client(server, timeout=1.5) as made:
        began = time.monotonic()
        assert trail(made.detect(large)) == [TOKEN, stalled, *UPLOADED]
        assert time.monotonic() - began < 30
    with service(stop_reading, store) as server, client(server, timeout=1.0, max_retries=0) as made:
        with pytest.raises(aigclens.DetectTimeout) as late:
            made.detect(large)
        assert (trail(late.value), late.value.billing) == ([TOKEN, stalled], "not_billed")
        assert trail(made.detect(large)) == UPLOADED


def test_a_service_that_reads_nothing() -> None:
    """F21: of the paid call a byte may have arrived, whoever reads it."""

    def deaf(peer: Peer) -> None:
        peer.hang()

    with RawServer(deaf) as server, client(server, timeout=0.5, max_retries=0) as made:
        with pytest.raises(aigclens.DetectTimeout) as late:
            made.detect("https://img.example/cat.png")
        assert trail(late.value) == [("ImageModeration", "DetectTimeout", "possibly_billed")]
        assert server.requests == []


def test_an_answer_before_the_upload_was_read(large: bytes) -> None:
    """F13: the refusal is read while the body is still being written, and counts."""
    with service(refuse_early, store) as server, client(server) as made:
        with pytest.raises(aigclens.ImageTooLarge) as refused:
            made.detect(large)
        assert (refused.value.code, refused.value.http_status) == ("EntityTooLarge", 413)
        assert trail(refused.value) == [TOKEN, ("PutObject", "ImageTooLarge", "not_billed")]
        assert trail(made.detect(large)) == UPLOADED


def test_an_answer_before_the_paid_request_was_read() -> None:
    """F13: the gateway's code decides as ever, and the connection is not used again."""

    def hasty(peer: Peer) -> None:
        peer.head()
        body = b'{"Code":"Throttling.User","Message":"no","RequestId":"R"}'
        peer.send(answer(body, b"HTTP/1.1 400 Bad Request", b"connection: close"))
        peer.finish()
        peer.hang()

    with RawServer(hasty) as server, client(server, max_retries=0) as made:
        for calls in (1, 2):
            with pytest.raises(aigclens.ThrottledError) as refused:
                made.detect("https://img.example/cat.png")
            assert trail(refused.value) == [("ImageModeration", "ThrottledError", "not_billed")]
            assert server.connections == calls
