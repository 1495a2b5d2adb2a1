"""The event loop is not held up: what has much to tell at once takes turns with whoever else is there."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import aigclens
from aigclens import events
from servers import RecordingServer

CREDENTIALS = aigclens.Credentials("testid", "testsecret")
URL = "https://img.example/cat.png"
CALLS = 12


class Blind(asyncio.SelectorEventLoop):
    """A loop that watches no descriptors."""

    def add_reader(self, *_: Any) -> None:  # type: ignore[override]
        raise NotImplementedError


def debugged() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    return loop


def with_uvloop() -> asyncio.AbstractEventLoop:
    made: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    return made


@pytest.fixture(params=[asyncio.new_event_loop, debugged, Blind, with_uvloop])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    made: asyncio.AbstractEventLoop = request.param()
    yield made
    made.close()


def longer_than_a_turn() -> None:
    """Works until a turn is over by the clock that the turns go by."""
    began = time.monotonic()
    while time.monotonic() - began < 0.002:
        pass


async def all_at_once(client: aigclens.AsyncClient, server: RecordingServer) -> list[aigclens.Detection]:
    """Calls whose answers arrive while the loop is busy, so that all of them are to be told at once."""
    asked = len(server.requests)
    calls = [asyncio.ensure_future(client.detect(URL, data_id=f"n{number}")) for number in range(CALLS)]
    while not all_answered(server, asked):
        await asyncio.sleep(0)
    # The answers are on their way; nobody looks at them meanwhile.
    time.sleep(0.3)
    return await asyncio.gather(*calls)


def all_answered(server: RecordingServer, before: int) -> bool:
    return len(server.requests) >= before + CALLS


def test_others_have_their_turn_while_there_is_much_to_tell(loop: asyncio.AbstractEventLoop) -> None:
    turns = 0
    heard: list[tuple[str | None, type[events.Event], int]] = []

    def hear(event: events.Event) -> None:
        heard.append((event.data_id, type(event), turns))
        longer_than_a_turn()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both(server: RecordingServer) -> list[aigclens.Detection]:
        options: dict[str, Any] = {"endpoint": server.url, "credentials": CREDENTIALS, "qps": None}
        async with aigclens.AsyncClient(**options, on_event=hear) as client:
            other = asyncio.ensure_future(others())
            found = await all_at_once(client, server)
            other.cancel()
            return found

    with RecordingServer() as server:
        found = loop.run_until_complete(both(server))
    assert [one.label for one in found] == ["aigc"] * CALLS
    assert len({turn for _, _, turn in heard}) == len(heard) == 2 * CALLS, "each of them took a turn of its own"
    for number in range(CALLS):
        steps = [kind for data_id, kind, _ in heard if data_id == f"n{number}"]
        assert steps == [events.AttemptStarted, events.AttemptFinished], "in their order"


def test_what_an_observer_lets_through_costs_nobody_a_result(loop: asyncio.AbstractEventLoop) -> None:
    """Each of them is told, whatever turn it is told in."""
    heard: list[events.Event] = []

    def hear(event: events.Event) -> None:
        heard.append(event)
        longer_than_a_turn()
        if isinstance(event, events.AttemptFinished) and len(heard) % 3 == 0:
            raise KeyboardInterrupt

    with RecordingServer() as server:
        options: dict[str, Any] = {"endpoint": server.url, "credentials": CREDENTIALS, "qps": None}
        client = aigclens.AsyncClient(**options, on_event=hear)
        task = loop.create_task(all_at_once(client, server))
        interrupts = 0
        while not task.done():
            try:
                loop.run_until_complete(asyncio.wait([task]))
            except KeyboardInterrupt:
                interrupts += 1
        client.close()
    assert interrupts > 0
    assert [one.label for one in task.result()] == ["aigc"] * CALLS
    assert len(heard) == 2 * CALLS


def test_observers_of_one_client_are_not_those_of_another(loop: asyncio.AbstractEventLoop) -> None:
    """Who heard of the last call on a loop is remembered there, and only as long as it is the same."""
    kinds: list[Callable[[events.Event], None]] = []
    counts = [0, 0]
    kinds = [lambda _: counts.__setitem__(0, counts[0] + 1), lambda _: counts.__setitem__(1, counts[1] + 1)]

    async def calls(server: RecordingServer) -> None:
        options: dict[str, Any] = {"endpoint": server.url, "credentials": CREDENTIALS, "qps": None}
        clients = [aigclens.AsyncClient(**options, on_event=kind) for kind in (*kinds, None)]
        for _ in range(3):
            await asyncio.gather(*(client.detect(URL) for client in clients))
        for client in clients:
            client.close()

    with RecordingServer() as server:
        loop.run_until_complete(calls(server))
    assert counts == [6, 6]


def test_the_first_call_on_a_loop_imports_nothing() -> None:
    """It would hold up the loop for what a result needs; whoever has asyncio pays as the client is made."""
    with RecordingServer() as server:
        program = (
            "import asyncio, sys, aigclens\n"
            f"options = dict(endpoint={server.url!r}, credentials=aigclens.Credentials('i', 's'))\n"
            "client = aigclens.AsyncClient(**options)\n"
            "before = set(sys.modules)\n"
            f"assert asyncio.run(client.detect({URL!r})).is_aigc\n"
            "print(*sorted(name for name in set(sys.modules) - before if 'aigclens' in name or 'dataclass' in name))\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_a_client_is_let_go_of_once_nobody_calls(loop: asyncio.AbstractEventLoop) -> None:
    """What a loop remembers of its last call is no client."""
    with RecordingServer() as server:
        box = [aigclens.AsyncClient(endpoint=server.url, credentials=CREDENTIALS)]
        loop.run_until_complete(box[0].detect(URL))
        gone = weakref.ref(box[0])
        box.pop().close()
        gc.collect()
        assert gone() is None
