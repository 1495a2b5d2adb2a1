"""Answers that break HTTP or wear a client out: the verdict, the memory it costs, and the answer of the next call."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable

import pytest

import aigclens
from raw_server import BODY, OK, Peer, RawServer, answer
from servers import SUCCESS

URL = "https://img.example/cat.png"
CREDENTIALS = aigclens.Credentials("testid", "testsecret")
CHUNKED = b"transfer-encoding: chunked"


def client(url: str, **options: object) -> aigclens.Client:
    made = {"max_retries": 0, "qps": None, "timeout": 10.0, **options}
    return aigclens.Client(endpoint=url, credentials=CREDENTIALS, **made)  # type: ignore[arg-type]


def trail(outcome: aigclens.Detection | aigclens.AigcError) -> list[tuple[str, str]]:
    return [(one.outcome, one.billing) for one in outcome.attempts]


def data_id(request: bytes) -> str:
    form = urllib.parse.parse_qs(request.partition(b"\r\n\r\n")[2].decode())
    return str(json.loads(form["ServiceParameters"][0]).get("dataId"))


def body_for(name: str) -> bytes:
    return json.dumps({**SUCCESS, "Data": {**SUCCESS["Data"], "DataId": name}}).encode()  # type: ignore[dict-item]


def echo(peer: Peer) -> None:
    """Answers every request with its own data id."""
    while request := peer.request():
        peer.send(answer(body_for(data_id(request))))


FORGED = answer(body_for("forged"))


def sends(*parts: bytes, then: Callable[[Peer], None] = Peer.hang) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.request()
        for part in parts:
            peer.send(part)
        then(peer)

    return script


def end(peer: Peer) -> None:
    peer.finish()
    peer.hang()


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def with_head(*headers: bytes) -> bytes:
    return b"\r\n".join([OK, *headers, b"", b""])


MINE = body_for("first")
FRAMES = {
    "surplus in the same segment": (sends(answer(MINE) + FORGED), None),
    "surplus that is no answer": (sends(answer(MINE) + b"\0" * 100), None),
    "surplus behind the last chunk": (sends(with_head(CHUNKED) + chunks(MINE) + FORGED), None),
    "length too long, then the end": (sends(answer(MINE, length=len(MINE) + 9), then=end), "AmbiguousOutcomeError"),
    "length too short": (sends(answer(MINE, length=len(MINE) - 9), then=end), "ResponseDecodeError"),
    "length too short, then another answer": (sends(answer(MINE, length=9) + FORGED), "ResponseDecodeError"),
    "two lengths": (sends(answer(MINE, OK, b"content-length: 5")), "AmbiguousOutcomeError"),
    "a length in letters": (sends(with_head(b"content-length: ten") + MINE), "AmbiguousOutcomeError"),
    "a length below zero": (sends(with_head(b"content-length: -1") + MINE), "AmbiguousOutcomeError"),
    "an enormous length": (
        sends(with_head(b"content-length: 99999999999999999999999") + MINE),
        "AmbiguousOutcomeError",
    ),
    "both length and chunks": (sends(with_head(CHUNKED, b"content-length: 5") + chunks(MINE) + FORGED), None),
    "a chunk size that is none": (sends(with_head(CHUNKED) + b"zz\r\n" + MINE), "AmbiguousOutcomeError"),
    "a chunk size beyond all": (sends(with_head(CHUNKED) + b"f" * 17 + b"\r\n" + MINE), "AmbiguousOutcomeError"),
    "chunks without their end": (sends(with_head(CHUNKED) + chunks(MINE)[:-5], then=end), "AmbiguousOutcomeError"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_where_an_answer_ends_is_never_guessed(name: str) -> None:
    """E14: whatever the first connection said, the second call is answered on another one, with its own answer."""
    script, outcome = FRAMES[name]
    with RawServer(script, echo) as server, client(server.url) as made:
        if outcome is None:
            found = made.detect(URL, data_id="first")
            assert (found.data_id, trail(found)) == ("first", [("ok", "billed")])
        else:
            with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
                made.detect(URL, data_id="first")
            assert trail(lost.value) == [(outcome, "possibly_billed")]
            assert len(server.requests) == 1
        found = made.detect(URL, data_id="second")
        assert (found.data_id, found.warnings, trail(found)) == ("second", (), [("ok", "billed")])
        assert (server.connections, len(server.requests)) == (2, 2)


def test_bytes_that_arrive_while_a_connection_rests() -> None:
    """E14: an answer that nobody asked for lies in the socket when the next call begins, and is not taken for its."""
    resting, sent = threading.Semaphore(0), threading.Semaphore(0)

    def forge(peer: Peer) -> None:
        request = peer.request()
        peer.send(answer(body_for(data_id(request))))
        assert resting.acquire(timeout=10)
        peer.send(FORGED)
        sent.release()
        peer.hang()

    with RawServer(forge) as server, client(server.url) as made:
        for number in range(20):
            found = made.detect(URL, data_id=f"call-{number}")
            assert (found.data_id, trail(found)) == (f"call-{number}", [("ok", "billed")])
            resting.release()
            assert sent.acquire(timeout=10)
        assert server.connections == 20

    async def several() -> None:
        options = {"endpoint": server.url, "credentials": CREDENTIALS, "max_retries": 0, "qps": None}
        async with aigclens.AsyncClient(**options) as other:  # type: ignore[arg-type]
            for number in range(20):
                assert (await other.detect(URL, data_id=f"call-{number}")).data_id == f"call-{number}"
                resting.release()
                assert sent.acquire(timeout=10)

    with RawServer(forge) as server:
        asyncio.run(several())


def interim_forever(peer: Peer) -> None:
    peer.request()
    peer.flood(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 100, 1 << 40)


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n"
PROTOCOLS = {
    "a few interim answers": (sends(INTERIM + answer(MINE), then=echo), "ok"),
    "interim answers without end": (interim_forever, "DetectTimeout"),
    "204 with a length": (sends(answer(FORGED, b"HTTP/1.1 204 No Content"), then=end), "ResponseDecodeError"),
    "304 with a length": (sends(answer(FORGED, b"HTTP/1.1 304 Not Modified"), then=end), "UnexpectedRedirect"),
    "HTTP/1.0 with a length": (sends(answer(MINE, b"HTTP/1.0 200 OK"), then=end), "ok"),
    "HTTP/1.0 until the end": (sends(b"HTTP/1.0 200 OK\r\n\r\n" + MINE, then=end), "ok"),
    "HTTP/0.9": (sends(MINE, then=end), "AmbiguousOutcomeError"),
    "an SSH server": (sends(b"SSH-2.0-OpenSSH_9.6\r\n"), "AmbiguousOutcomeError"),
    "a mail server": (sends(b"220 mail.example ESMTP\r\n"), "AmbiguousOutcomeError"),
    "a version of the future": (sends(b"HTTP/3.7 200 OK\r\n\r\n"), "AmbiguousOutcomeError"),
    "zeros": (sends(bytes(200)), "AmbiguousOutcomeError"),
    "a status of four digits": (sends(b"HTTP/1.1 2000 OK\r\n\r\n"), "AmbiguousOutcomeError"),
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_answers_of_another_protocol_or_version(name: str) -> None:
    """E21: read where HTTP allows it, else an error in time, and the next call works."""
    script, outcome = PROTOCOLS[name]
    with RawServer(script, echo) as server, client(server.url) as made:
        try:
            seen = trail(made.detect(URL, data_id="first", timeout=1.5))
        except aigclens.AigcError as error:
            seen = trail(error)
        billing = {"ok": "billed", "UnexpectedRedirect": "not_billed"}.get(outcome, "possibly_billed")
        assert seen == [(outcome, billing)]
        assert len(server.requests) == 1
        found = made.detect(URL, data_id="second")
        assert (found.data_id, trail(found)) == ("second", [("ok", "billed")])


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\0\0\0\4\0\0\0\0\0"], ids=["ssh", "h2"])
def test_who_speaks_first_is_no_http_server(greeting: bytes) -> None:
    """E21: the greeting is no answer, whether it comes before the request or crosses it, and the verdict says which."""

    def greet(peer: Peer) -> None:
        peer.send(greeting)
        peer.hang()

    with RawServer(greet, echo) as server, client(server.url) as made:
        with pytest.raises(aigclens.TransportError) as refused:
            made.detect(URL, data_id="first")
        (one,) = trail(refused.value)
        assert one in {("ConnectError", "not_billed"), ("AmbiguousOutcomeError", "possibly_billed")}
        assert made.detect(URL, data_id="second").data_id == "second"


def test_a_server_of_http_2_alone() -> None:
    """F23: only HTTP/1.1 is spoken, and a settings frame is no answer."""
    settings = b"\0\0\x06\4\0\0\0\0\0\0\3\0\0\0\x64" + b"\0\0\x08\7\0\0\0\0\0" + b"\0\0\0\0\0\0\0\1"
    with RawServer(sends(settings, then=end), echo) as server, client(server.url) as made:
        with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
            made.detect(URL)
        assert trail(lost.value) == [("AmbiguousOutcomeError", "possibly_billed")]
        assert server.requests[0].startswith(b"POST / HTTP/1.1\r\n")
        assert made.detect(URL, data_id="second").data_id == "second"


@pytest.mark.parametrize(
    ("status", "connection", "kind", "word"),
    [
        (b"101 Switching Protocols", b"upgrade\r\nupgrade: websocket", aigclens.UnknownServiceError, "endpoint"),
        (b"407 Proxy Authentication Required", b"close", aigclens.ProxyAuthenticationError, "proxy"),
        (b"511 Network Authentication Required", b"close", aigclens.ServerError, "captive portal"),
    ],
    ids=["101", "407", "511"],
)
def test_answers_of_whoever_is_in_between(
    status: bytes, connection: bytes, kind: type[aigclens.AigcError], word: str
) -> None:
    """E23: another protocol is not taken up, a proxy's and a portal's word are named, and nothing is in doubt."""
    page = answer(b"<html>", b"HTTP/1.1 " + status, b"connection: " + connection)
    with RawServer(sends(page, then=end), echo) as server, client(server.url) as made:
        with pytest.raises(kind) as refused:
            made.detect(URL)
        assert type(refused.value) is kind
        assert trail(refused.value) == [(kind.__name__, "not_billed")]
        assert word in str(refused.value)
        assert len(server.requests) == 1
        assert made.detect(URL, data_id="second").data_id == "second"


def test_two_calls_under_way_get_each_other_s_answers() -> None:
    """E24: both were served and charged; the data id tells, and the client's own calls stay apart."""
    both = threading.Barrier(2, timeout=10)
    ids: dict[int, str] = {}

    def swap(peer: Peer) -> None:
        me = id(peer)
        ids[me] = data_id(peer.request())
        both.wait()
        (other,) = (name for who, name in ids.items() if who != me)
        peer.send(answer(body_for(other)))
        peer.hang()

    async def calls() -> list[aigclens.Detection]:
        options = {"endpoint": server.url, "credentials": CREDENTIALS, "max_retries": 2, "qps": None}
        async with aigclens.AsyncClient(**options) as made:  # type: ignore[arg-type]
            with pytest.warns(aigclens.MismatchWarning) as told:
                found = await asyncio.gather(*(made.detect(URL, data_id=name) for name in ("mine", "yours")))
            assert len(told) == 2
            return found

    with RawServer(swap) as server:
        found = asyncio.run(calls())
        assert [one.data_id for one in found] == ["yours", "mine"]
        assert all("data_id_mismatch" in one.warnings for one in found)
        assert [trail(one) for one in found] == [[("ok", "billed")]] * 2, "charged: asking again would pay twice"
        assert len(server.requests) == 2


def test_fields_that_no_page_mentions_are_kept() -> None:
    """E09."""
    data = {**SUCCESS["Data"], "Ext": {"AigcData": {"v": 1.10}}, "Frame": None, "ManualTaskId": "m"}  # type: ignore[dict-item]
    body = json.dumps({**SUCCESS, "Data": data, "Novel": [1]}).encode()
    with RawServer(sends(answer(body), then=end)) as server, client(server.url) as made:
        found = made.detect(URL)
    assert found.raw == json.loads(body)
    assert found.label == "aigc"


MEASURE = """
import sys
import aigclens

def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1])

options = {"max_retries": 0, "qps": None, "timeout": 70.0, "total_timeout": 80.0}
with aigclens.Client(endpoint=sys.argv[1], credentials=aigclens.Credentials("a", "b"), **options) as client:
    client.detect("https://img.example/cat.png")
    before = peak()
    try:
        client.detect("https://img.example/cat.png")
        outcome = "ok billed"
    except aigclens.AigcError as error:
        outcome = f"{error.attempts[-1].outcome} {error.billing}"
    print(outcome, peak() - before, client.detect("https://img.example/cat.png").label, flush=True)
"""


def endless(head: bytes, part: bytes = b"") -> Callable[[Peer], None]:
    """One answer, then a head and its part again and again, up to 256 MB; without a part the head alone."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer())
        peer.request()
        peer.send(head)
        if part:
            peer.flood(part, 256 << 20)
        peer.hang()

    return script


def packed(times: int, coding: bytes) -> Callable[[Peer], None]:
    bomb = bytes(64 << 20)
    for _ in range(times):
        bomb = gzip.compress(bomb, 9)
    return endless(answer(bomb, OK, b"content-encoding: " + coding))


WEARING = {
    "E18 a gigabyte": (endless(with_head(b"content-length: 1073741824"), b" " * 65536), "ResponseDecodeError"),
    "E18 endless chunks": (endless(with_head(CHUNKED), b"10000\r\n" + b" " * 65536 + b"\r\n"), "ResponseDecodeError"),
    "E18 endless chunks of one byte": (endless(with_head(CHUNKED), b"1\r\nx\r\n" * 8000), "ResponseDecodeError"),
    "E18 no length and no end": (endless(with_head(b"connection: close"), b" " * 65536), "ResponseDecodeError"),
    "E18 endless trailers": (endless(with_head(CHUNKED) + b"0\r\n", b"x: y\r\n" * 8000), "AmbiguousOutcomeError"),
    "E18 endless chunk extensions": (endless(with_head(CHUNKED) + b"1;", b"x" * 65536), "AmbiguousOutcomeError"),
    "E19 gzip": (packed(1, b"gzip"), "ResponseDecodeError"),
    "E19 gzip in gzip": (packed(2, b"gzip, gzip"), "ResponseDecodeError"),
    "E19 gzip many times over": (packed(3, b", ".join([b"gzip"] * 1000)), "ResponseDecodeError"),
    "E19 an unknown coding": (packed(1, b"x-unheard-of"), "ResponseDecodeError"),
    "E20 a hundred thousand headers": (
        endless(with_head(*[b"x-%d: y" % n for n in range(100_000)])),
        "AmbiguousOutcomeError",
    ),
    "E20 a header of a megabyte": (endless(with_head(b"x: " + b"y" * (1 << 20))), "AmbiguousOutcomeError"),
    "E20 a head without end": (endless(OK + b"\r\n", b"x: y\r\n" * 8000), "AmbiguousOutcomeError"),
    "E20 a status line without end": (endless(b"HTTP/1.1 200 ", b"x" * 65536), "AmbiguousOutcomeError"),
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
@pytest.mark.parametrize("name", WEARING)
def test_what_wears_a_client_out_costs_no_memory(name: str) -> None:
    """E18, E19, E20: the peak of a process of its own grows by less than 8 MiB, and its next call works."""
    script, outcome = WEARING[name]
    with RawServer(script, sends(answer(BODY), then=end)) as server:
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, server.url], capture_output=True, text=True, timeout=100, check=True
        )
    kind, billing, kilobytes, label = done.stdout.split()
    assert (kind, billing, label) == (outcome, "possibly_billed", "aigc")
    assert int(kilobytes) < 8 * 1024
