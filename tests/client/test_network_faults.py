"""Faults of the network, byte by byte: what each costs, how often the server is asked, and that the next call works."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import aigclens
from raw_server import BODY, OK, Peer, RawServer, answer, serve

URL = "https://img.example/cat.png"
CREDENTIALS = aigclens.Credentials("testid", "testsecret")
SUCCEEDED = [("ok", "billed")]


def client(url: str, max_retries: int = 0, **options: object) -> aigclens.Client:
    made = {"qps": None, "timeout": 10.0, **options}
    return aigclens.Client(endpoint=url, credentials=CREDENTIALS, max_retries=max_retries, **made)  # type: ignore[arg-type]


def trail(outcome: aigclens.Detection | aigclens.AigcError) -> list[tuple[str, str]]:
    return [(one.outcome, one.billing) for one in outcome.attempts]


def reset_at_once(peer: Peer) -> None:
    peer.connection.recv(1)
    peer.reset()


def reset_after_the_request(peer: Peer) -> None:
    peer.request()
    peer.reset()


def end_after_the_request(peer: Peer) -> None:
    peer.request()
    peer.finish()
    peer.hang()


def within_the_answer(end: Callable[[Peer], None]) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer()[:-20])
        end(peer)

    return script


def after_the_head(end: Callable[[Peer], None]) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer().partition(BODY)[0])
        end(peer)

    return script


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(reset_at_once, id="F05"),
        pytest.param(reset_after_the_request, id="F06"),
        pytest.param(end_after_the_request, id="F07"),
        pytest.param(within_the_answer(Peer.reset), id="F14 reset in the body"),
        pytest.param(within_the_answer(Peer.finish), id="F14 end in the body"),
        pytest.param(after_the_head(Peer.reset), id="F14 reset after the head"),
        pytest.param(after_the_head(Peer.finish), id="F14 end after the head"),
    ],
)
def test_a_connection_that_ends_after_the_request_left(script: Callable[[Peer], None]) -> None:
    """Nobody knows whether it was served: one further attempt with retries, none without or with `raise`."""
    doubt = ("AmbiguousOutcomeError", "possibly_billed")
    with RawServer(script, serve, script, script, serve, script, serve) as server, client(server.url) as made:
        with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
            made.detect(URL)
        assert type(lost.value) is aigclens.AmbiguousOutcomeError
        assert (trail(lost.value), lost.value.billing) == ([doubt], "possibly_billed")
        assert server.connections == 1, "nothing is sent twice behind the caller's back"
        assert trail(made.detect(URL)) == SUCCEEDED, "the next call works"
    with RawServer(script, serve) as server, client(server.url, max_retries=5) as made:
        found = made.detect(URL)
        assert (trail(found), found.billing) == ([doubt, *SUCCEEDED], "billed")
        assert server.connections == 2
    with RawServer(script) as server, client(server.url, max_retries=5) as made:
        with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
            made.detect(URL)
        assert (trail(lost.value), server.connections) == ([doubt, doubt], 2)
        with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
            made.detect(URL, on_ambiguous="raise")
        assert (trail(lost.value), server.connections) == ([doubt], 3)


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset], ids=["end", "reset"])
def test_a_used_connection_that_ends_instead_of_an_answer(end: Callable[[Peer], None]) -> None:
    """F08: it had served before, and is not tried again by the transport."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer())
        peer.request()
        end(peer)

    with RawServer(script, serve) as server, client(server.url) as made:
        assert trail(made.detect(URL)) == SUCCEEDED
        with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
            made.detect(URL)
        assert trail(lost.value) == [("AmbiguousOutcomeError", "possibly_billed")]
        assert (server.connections, len(server.requests)) == (1, 2)
        assert trail(made.detect(URL)) == SUCCEEDED


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset], ids=["end", "reset"])
def test_a_resting_connection_that_was_closed_is_replaced_without_a_word(end: Callable[[Peer], None]) -> None:
    """F09: the end had arrived before the next call, which takes one attempt on a new connection."""
    answered, gone = threading.Semaphore(0), threading.Semaphore(0)

    def once(peer: Peer) -> None:
        peer.request()
        peer.send(answer())
        assert answered.acquire(timeout=10)
        end(peer)
        gone.release()
        if end is Peer.finish:
            peer.hang()

    with RawServer(once) as server, client(server.url) as made:
        for calls in range(1, 31):
            assert trail(made.detect(URL)) == SUCCEEDED
            answered.release()
            assert gone.acquire(timeout=10)
            assert (server.connections, len(server.requests)) == (calls, calls)

    async def several() -> None:
        options = {"endpoint": server.url, "credentials": CREDENTIALS, "max_retries": 0, "qps": None}
        async with aigclens.AsyncClient(**options) as other:  # type: ignore[arg-type]
            for calls in range(1, 31):
                assert trail(await other.detect(URL)) == SUCCEEDED
                answered.release()
                assert gone.acquire(timeout=10)
                assert server.connections == calls

    with RawServer(once) as server:
        asyncio.run(several())


@pytest.mark.parametrize("end", [Peer.finish, Peer.reset], ids=["end", "reset"])
def test_a_resting_connection_that_is_closed_at_the_moment_of_use(end: Callable[[Peer], None]) -> None:
    """F10: the close crosses the request. It may have been served, and is not sent again unasked."""

    def race(peer: Peer) -> None:
        peer.request()
        peer.send(answer())
        peer.connection.recv(1)  # The first byte of the next one is here: too late for the client to know better.
        end(peer)

    with RawServer(race, race, serve) as server, client(server.url) as made:
        assert trail(made.detect(URL)) == SUCCEEDED
        with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
            made.detect(URL)
        assert (trail(lost.value), server.connections) == ([("AmbiguousOutcomeError", "possibly_billed")], 1)
        assert trail(made.detect(URL)) == SUCCEEDED
        found = made.detect(URL, max_retries=2)
        assert trail(found) == [("AmbiguousOutcomeError", "possibly_billed"), *SUCCEEDED]
        assert server.connections == 3


def blackhole(test: Callable[[int], None]) -> None:
    """A port of this machine that answers no connection request: its queue is full, and nobody accepts."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(8):
            filler = waiting.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        test(address[1])


def test_nobody_answers_the_connection_request() -> None:
    """F04: given up after `connect_timeout=`, certainly unsent, and tried again."""

    def calls(port: int) -> None:
        with client(f"http://127.0.0.1:{port}", connect_timeout=0.3) as made:
            began = time.monotonic()
            with pytest.raises(aigclens.ConnectTimeout) as late:
                made.detect(URL)
            assert 0.25 < time.monotonic() - began < 8
            assert (trail(late.value), late.value.billing) == ([("ConnectTimeout", "not_billed")], "not_billed")
            assert isinstance(late.value, TimeoutError)
            with pytest.raises(aigclens.ConnectTimeout) as late:
                made.detect(URL, max_retries=2)
            assert trail(late.value) == [("ConnectTimeout", "not_billed")] * 3

    blackhole(calls)


def test_a_peer_that_vanished() -> None:
    """F11: the request was written, and there is neither answer nor end. The attempt's time-out ends it."""

    def vanish(peer: Peer) -> None:
        peer.request()
        peer.hang()

    with RawServer(vanish, serve) as server, client(server.url, timeout=0.5) as made:
        with pytest.raises(aigclens.DetectTimeout) as late:
            made.detect(URL)
        assert trail(late.value) == [("DetectTimeout", "possibly_billed")]
        assert len(server.requests) == 1
        assert trail(made.detect(URL)) == SUCCEEDED


def test_an_answer_of_one_byte_at_a_time_without_end() -> None:
    """F15, F14: the time-out is the attempt's, and a byte now and then does not extend it."""

    def drip(peer: Peer) -> None:
        peer.request()
        peer.send(OK + b"\r\ncontent-length: 100000\r\n\r\n")
        while not peer.server.stopping.wait(0.02):
            peer.send(b" ")

    with RawServer(drip, serve) as server, client(server.url, timeout=0.6) as made:
        began = time.monotonic()
        with pytest.raises(aigclens.DetectTimeout) as late:
            made.detect(URL)
        assert time.monotonic() - began < 8
        assert trail(late.value) == [("DetectTimeout", "possibly_billed")]
        assert trail(made.detect(URL)) == SUCCEEDED


def test_an_answer_in_pieces_of_one_byte() -> None:
    """F16."""

    def slices(peer: Peer) -> None:
        while peer.request():
            for byte in answer():
                peer.send(bytes([byte]))
            whole = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
            peer.request()
            for byte in OK + b"\r\ntransfer-encoding: chunked\r\n\r\n" + whole:
                peer.send(bytes([byte]))

    with RawServer(slices) as server, client(server.url) as made:
        for _ in range(4):
            assert trail(made.detect(URL)) == SUCCEEDED
        assert (server.connections, len(server.requests)) == (1, 4)


def test_an_answer_that_takes_long_but_not_too_long() -> None:
    """F17."""

    def slow(peer: Peer) -> None:
        while peer.request():
            time.sleep(0.4)
            peer.send(answer())

    with RawServer(slow) as server, client(server.url, timeout=30.0, total_timeout=60.0) as made:
        found = made.detect(URL)
        assert trail(found) == SUCCEEDED
        assert found.attempts[0].elapsed > 0.3


def test_the_network_is_gone_for_a_while() -> None:
    """F18: every attempt until then is free, and the call succeeds once somebody listens again."""
    server = RawServer(serve)
    with client(server.url, max_retries=20, total_timeout=60.0) as made, contextlib.ExitStack() as later:
        back = threading.Timer(0.3, later.enter_context, [server])
        back.start()
        found = made.detect(URL)
        back.join()
        assert found.billing == "billed"
        assert trail(found)[-1:] == SUCCEEDED
        assert len(trail(found)) > 1
        assert set(trail(found)[:-1]) == {("ConnectError", "not_billed")}
        assert len(server.requests) == 1


def test_no_descriptor_is_left() -> None:
    """F19: said as what it is, free of charge, and over once there is one again."""
    with RawServer(serve) as server, client(server.url, max_retries=0) as made:
        assert trail(made.detect(URL)) == SUCCEEDED
        with client(server.url) as other:
            with pytest.raises(aigclens.InputError):  # Its runtime has its descriptors, and no connection.
                other.detect("https://127.0.0.1:0/")
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            highest = max(int(name) for name in os.listdir("/proc/self/fd"))
            spent: list[int] = []
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
            try:
                with contextlib.suppress(OSError):
                    while True:
                        spent.append(os.dup(0))
                with pytest.raises(aigclens.ResourceExhausted) as refused:
                    other.detect(URL)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                for descriptor in spent:
                    os.close(descriptor)
            assert trail(refused.value) == [("ResourceExhausted", "not_billed")]
            assert "ulimit" in str(refused.value)
            assert trail(other.detect(URL)) == SUCCEEDED


@pytest.mark.parametrize("fault", ["silence", "reset"])
def test_the_first_failure_lets_go_of_every_resting_connection(fault: str) -> None:
    """F20: after a move to another network or a suspend the others are dead too; one call finds out, not all."""
    moved = threading.Event()
    together = threading.Barrier(4, timeout=10)

    def old(peer: Peer) -> None:
        peer.request()
        together.wait()  # Four calls at once: four connections.
        peer.send(answer())
        peer.request()
        assert moved.is_set()
        if fault == "reset":
            peer.reset()
        else:
            peer.hang()

    async def calls() -> None:
        options = {"endpoint": server.url, "credentials": CREDENTIALS, "max_retries": 0, "qps": None, "timeout": 1.0}
        async with aigclens.AsyncClient(**options) as made:  # type: ignore[arg-type]
            await asyncio.gather(*(made.detect(URL) for _ in range(4)))
            assert server.connections == 4
            moved.set()
            with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
                await made.detect(URL)
            assert lost.value.billing == "possibly_billed"
            for _ in range(4):
                assert trail(await made.detect(URL, timeout=10.0)) == SUCCEEDED
            assert server.connections == 5

    with RawServer(old, old, old, old, serve) as server:
        asyncio.run(calls())


def test_every_answer_ends_its_connection() -> None:
    """F22: five hundred connections, and no descriptor more than before."""

    def once(peer: Peer) -> None:
        peer.request()
        peer.send(answer(BODY, OK, b"connection: close"))
        peer.finish()
        peer.hang()

    with RawServer(once) as server, client(server.url) as made:
        connections = [0]
        for number in range(501):
            assert trail(made.detect(URL)) == SUCCEEDED
            if number % 20 == 0:
                connections.append(open_connections(server.port))
        assert server.connections == 501
        assert max(connections) <= 3
        with socket.create_connection(("127.0.0.1", server.port)):
            assert open_connections(server.port) > min(connections), "the count sees what is open"


def open_connections(port: int) -> int:
    """Sockets of this process that are connected to a port: the client's ends."""
    inodes = set()
    for line in Path("/proc/self/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(f":{port:04X}"):
            inodes.add(f"socket:[{fields[9]}]")
    mine = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            mine += os.readlink(f"/proc/self/fd/{name}") in inodes
    return mine
