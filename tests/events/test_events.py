"""Events: what `on_event=` hears, in both doors, and what it may do to a call (nothing)."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import pickle
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

import aigclens
from aigclens import events
from aigclens.testing import Emulator
from servers import Answer, Recorded, RecordingServer

URL = "https://example.com/cat.png"


def detect(emulator: Emulator, door: str, source: Any, calls: list[dict[str, Any]], **options: Any) -> list[Any]:
    """Makes calls through one of the doors: results, and exceptions as they are."""
    outcomes: list[Any] = []
    if door == "sync":
        with emulator.client(**options) as client:
            for call in calls:
                try:
                    outcomes.append(client.detect(source, **call))
                except aigclens.AigcError as error:
                    outcomes.append(error)
        return outcomes

    async def awaited() -> None:
        async with emulator.async_client(**options) as client:
            outcomes.extend(
                await asyncio.gather(*(client.detect(source, **call) for call in calls), return_exceptions=True)
            )

    asyncio.run(awaited())
    return outcomes


@pytest.mark.parametrize("door", ["sync", "async"])
def test_each_step_of_each_attempt_is_heard_in_order(emulator: Emulator, door: str, png: bytes) -> None:
    heard: list[events.Event] = []
    emulator.answer(data_id="busy", code=500, times=1)
    before = time.time()
    [found] = detect(emulator, door, png, [{"data_id": "busy"}], max_retries=2, qps=None, on_event=heard.append)
    kinds = [(type(one).__name__, getattr(one, "operation", None)) for one in heard]
    assert kinds == [
        ("AttemptStarted", "DescribeUploadToken"),
        ("AttemptFinished", "DescribeUploadToken"),
        ("AttemptStarted", "PutObject"),
        ("AttemptFinished", "PutObject"),
        ("AttemptStarted", "ImageModeration"),
        ("AttemptFinished", "ImageModeration"),
        ("AttemptRetried", "ImageModeration"),
        ("AttemptStarted", "ImageModeration"),
        ("AttemptFinished", "ImageModeration"),
    ]
    assert [one.attempt for one in heard] == [1, 1, 2, 2, 3, 3, 3, 4, 4]
    assert {one.call for one in heard} == {heard[0].call}
    assert {one.data_id for one in heard} == {"busy"}
    assert before <= heard[0].time <= heard[-1].time <= time.time()
    finished = [one for one in heard if isinstance(one, events.AttemptFinished)]
    told = [(one.operation, one.outcome, one.billing, one.code, one.request_id, one.elapsed) for one in finished]
    assert told == [(a.operation, a.outcome, a.billing, a.code, a.request_id, a.elapsed) for a in found.attempts]
    started = heard[0]
    assert isinstance(started, events.AttemptStarted)
    assert started.endpoint == f"127.0.0.1:{emulator.port}"
    retried = heard[6]
    assert isinstance(retried, events.AttemptRetried)
    assert (retried.outcome, 0 <= retried.wait < 0.05) == ("ServerError", True)
    assert pickle.loads(pickle.dumps(heard)) == heard


@pytest.mark.parametrize("door", ["sync", "async"])
def test_throttling_is_an_event_of_its_own(emulator: Emulator, door: str) -> None:
    """C01, C02."""
    for code in ("Throttling.User", 403):
        heard: list[events.Event] = []
        emulator.answer(data_id=f"busy-{code}", code=code)
        [error] = detect(emulator, door, URL, [{"data_id": f"busy-{code}"}], max_retries=0, on_event=heard.append)
        assert isinstance(error, aigclens.ThrottledError)
        assert [type(one) for one in heard] == [
            events.AttemptStarted,
            events.AttemptFinished,
            events.Throttled,
        ]
        throttled = heard[-1]
        assert isinstance(throttled, events.Throttled)
        assert (throttled.code, throttled.operation) == (str(code), "ImageModeration")


@pytest.mark.parametrize("door", ["sync", "async"])
def test_a_callback_that_raises_or_blocks_does_a_call_no_harm(door: str, caplog: pytest.LogCaptureFixture) -> None:
    """H17: the call goes on meanwhile, its answer is kept, and the exception is logged."""
    blocked = threading.Event()
    answered = threading.Event()

    def answer(request: Recorded) -> Answer:
        # Only once the callback blocks; and the callback blocks until the answer must long have arrived.
        assert blocked.wait(10)
        answered.set()
        return Answer()

    def trouble(event: events.Event) -> None:
        if isinstance(event, events.AttemptStarted):
            blocked.set()
            assert answered.wait(10)
            time.sleep(1.2)
        raise ValueError("no")

    with RecordingServer(answer) as server:
        key = aigclens.Credentials("key-id", "key-secret")
        options: dict[str, Any] = {"endpoint": server.url, "credentials": key, "qps": None, "max_retries": 0}
        if door == "sync":
            with aigclens.Client(**options, timeout=1.0, on_event=trouble) as client:
                found = client.detect(URL)
        else:

            async def awaited() -> aigclens.Detection:
                async with aigclens.AsyncClient(**options, timeout=1.0, on_event=trouble) as client:
                    return await client.detect(URL)

            found = asyncio.run(awaited())
    assert found.billing == "billed"
    messages = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert messages == [
        "on_event raised ValueError on AttemptStarted; the call goes on",
        "on_event raised ValueError on AttemptFinished; the call goes on",
    ]


def test_an_interrupt_in_a_callback_is_the_callers() -> None:
    """H10: what is meant for the program is not swallowed, and the call that it ends is said to be in doubt."""
    heard: list[events.Event] = []
    given_up = threading.Event()

    def interrupt(event: events.Event) -> None:
        heard.append(event)
        if isinstance(event, events.AttemptStarted):
            raise KeyboardInterrupt

    def answer(request: Recorded) -> Answer:
        given_up.wait(30)
        return Answer()

    key = aigclens.Credentials("key-id", "key-secret")
    with RecordingServer(answer) as server:
        with aigclens.Client(endpoint=server.url, credentials=key, on_event=interrupt) as client:
            with pytest.raises(KeyboardInterrupt):
                client.detect(URL)
        given_up.set()
    finished = heard[-1]
    assert isinstance(finished, events.AttemptFinished)
    assert (finished.outcome, finished.billing) == ("Cancelled", "possibly_billed")


async def test_a_cancelled_call_says_that_it_may_have_been_charged() -> None:
    """H06."""
    heard: list[events.Event] = []
    begun = asyncio.Event()
    given_up = threading.Event()

    def watch(event: events.Event) -> None:
        heard.append(event)
        begun.set()

    def answer(request: Recorded) -> Answer:
        given_up.wait(30)
        return Answer()

    key = aigclens.Credentials("key-id", "key-secret")
    with RecordingServer(answer) as server:
        async with aigclens.AsyncClient(endpoint=server.url, credentials=key, on_event=watch) as client:
            task = asyncio.create_task(client.detect(URL))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while len(heard) < 2:
                await asyncio.sleep(0.005)
        given_up.set()
    finished = heard[1]
    assert isinstance(finished, events.AttemptFinished)
    assert (finished.outcome, finished.billing, finished.attempt) == ("Cancelled", "possibly_billed", 1)


@pytest.mark.parametrize("door", ["sync", "async"])
def test_a_callback_sees_the_context_of_its_caller(emulator: Emulator, door: str) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    heard: set[tuple[str | None, str]] = set()
    emulator.answer(url=URL, label="aigc")

    def watch(event: events.Event) -> None:
        heard.add((event.data_id, variable.get()))

    if door == "sync":
        with emulator.client(on_event=watch) as client:
            variable.set("a")
            client.detect(URL, data_id="a")
    else:

        async def one(client: aigclens.AsyncClient, name: str) -> None:
            variable.set(name)
            await client.detect(URL, data_id=name)

        async def both() -> None:
            async with emulator.async_client(on_event=watch) as client:
                await asyncio.gather(*(asyncio.create_task(one(client, name)) for name in "ab"))

        asyncio.run(both())
        assert ("b", "b") in heard
    assert all(name == value for name, value in heard)
    assert ("a", "a") in heard


def test_many_threads_hear_their_own_calls(emulator: Emulator) -> None:
    """H14."""
    heard: list[tuple[int, events.Event]] = []
    emulator.answer(url=URL, label="aigc")
    with emulator.client(on_event=lambda event: heard.append((threading.get_ident(), event))) as client:
        threads = [
            threading.Thread(target=lambda: [client.detect(URL, data_id=str(threading.get_ident())) for _ in range(20)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(heard) == 8 * 20 * 2
    assert all(str(thread) == event.data_id for thread, event in heard)
    assert len({event.call for _, event in heard}) == 160


def test_a_client_may_be_used_inside_of_a_callback(emulator: Emulator) -> None:
    emulator.answer(url=URL, label="aigc")
    answers: list[str | None] = []
    with emulator.client() as inner:

        def watch(event: events.Event) -> None:
            if isinstance(event, events.AttemptFinished):
                answers.append(inner.detect(URL).label)

        with emulator.client(on_event=watch) as client:
            client.detect(URL)
    assert answers == ["aigc"]


def test_on_event_is_a_callable_and_pickles_if_it_can(emulator: Emulator) -> None:
    wrong: Any = 3
    with pytest.raises(aigclens.ConfigError, match="on_event"):
        aigclens.Client(on_event=wrong)

    async def never_awaited(event: events.Event) -> None:
        raise AssertionError

    with pytest.raises(aigclens.ConfigError, match="async"):
        aigclens.Client(on_event=never_awaited)
    with aigclens.Client(endpoint=emulator.url, on_event=print) as client:
        twin = pickle.loads(pickle.dumps(client))
        assert twin._options["on_event"] is print


def test_every_event_is_described() -> None:
    kinds: list[type[events.Event]] = [
        getattr(events, name) for name in events.__all__ if name not in ("Event", "Observer")
    ]
    assert set(events._KINDS.values()) == set(kinds)
    for kind in kinds:
        for field in dataclasses.fields(kind):
            assert f"{field.name}:" in (kind.__doc__ or "") + (events.Event.__doc__ or ""), (kind, field.name)


def test_nobody_who_listens_costs_nothing(emulator: Emulator) -> None:
    """A log that is switched off has no observer, and the module of events is not even asked."""
    program = (
        "import logging, aigclens, sys\n"
        "logging.getLogger('aigclens').disabled = True\n"
        "from aigclens.watch import Watch\n"
        "assert Watch(None).observer() == (None, 0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_calls_that_end_with_their_loop_are_heard_of_to_the_end() -> None:
    """H06: `asyncio.run` cancels what is under way and closes the loop: each start has its end all the same."""
    heard: list[events.Event] = []
    key = aigclens.Credentials("key-id", "key-secret")
    given_up = threading.Event()

    def answer(request: Recorded) -> Answer:
        given_up.wait(30)
        return Answer()

    async def leave(server: RecordingServer) -> None:
        client = aigclens.AsyncClient(endpoint=server.url, credentials=key, on_event=heard.append)
        calls = [asyncio.create_task(client.detect(URL)) for _ in range(3)]
        while len(heard) < len(calls):
            await asyncio.sleep(0.01)

    with RecordingServer(answer) as server:
        asyncio.run(leave(server))
        given_up.set()
    started = [event.call for event in heard if isinstance(event, events.AttemptStarted)]
    finished = [event for event in heard if isinstance(event, events.AttemptFinished)]
    assert sorted(started) == sorted(event.call for event in finished)
    assert {(event.outcome, event.billing) for event in finished} == {("Cancelled", "possibly_billed")}


def test_an_interrupt_in_the_middle_loses_no_event(emulator: Emulator, declared_png: bytes) -> None:
    """H10: each start that was heard of has its end, whatever the observer raised meanwhile."""
    heard: list[events.Event] = []

    def interrupt(event: events.Event) -> None:
        heard.append(event)
        if len(heard) == 1:
            raise KeyboardInterrupt

    with emulator.client(on_event=interrupt) as client:
        with pytest.raises(KeyboardInterrupt):
            client.detect(declared_png)
    started = [event.attempt for event in heard if isinstance(event, events.AttemptStarted)]
    finished = [event.attempt for event in heard if isinstance(event, events.AttemptFinished)]
    assert started == finished != []


@pytest.mark.skipif(sys.platform != "linux", reason="only there the pace is shared over the host at all")
def test_a_pace_that_is_not_shared_says_so_once(
    emulator: Emulator, declared_png: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """C08: where the host's file cannot be had, each process has the whole rate, which somebody should know."""
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, "/nonexistent")
    with emulator.client() as client:
        for _ in range(3):
            client.detect(declared_png)
    (message,) = [record.getMessage() for record in caplog.records if "pace" in record.getMessage()]
    assert "this process alone" in message and "/nonexistent" in message
