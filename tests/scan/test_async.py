"""The asynchronous door of scans: cancelled, timed out, on loops that end; and nothing that was paid for is lost."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import aigclens
from aigclens import doors
from aigclens.testing import Emulator
from scan_stage import charged, folder, look, pictures, slow, until


@pytest.fixture
def asking(emulator: Emulator) -> Iterator[aigclens.AsyncClient]:
    made = emulator.async_client(qps=None)
    yield made
    made.close()


async def trickle(images: list[bytes], seconds: float = 0.0) -> AsyncIterator[bytes]:
    for one in images:
        await asyncio.sleep(seconds)
        yield one


async def test_both_kinds_of_input_in_order_and_out_of_it(
    emulator: Emulator, asking: aigclens.AsyncClient, tmp_path: Path
) -> None:
    place = folder(tmp_path / "photos", 12)
    for source in (place, pictures(12), iter(pictures(12)), trickle(pictures(12))):
        async with asking.scan(source, ordered=True) as scan:
            keys = [row.key async for row in scan]
        assert keys == sorted(keys, key=lambda key: int("".join(filter(str.isdigit, key))))
        assert len(keys) == 12
    assert len({row.key async for row in asking.detect_many(trickle(pictures(12)))}) == 12
    assert [row.ok async for row in aigclens.ascan(pictures(3), client=asking)] == [True] * 3
    assert [row async for row in asking.scan([])] == [row async for row in asking.scan(trickle([]))] == []


async def test_rows_of_a_slow_input_come_before_it_goes_on(asking: aigclens.AsyncClient) -> None:
    came = asyncio.Event()

    async def images() -> AsyncIterator[bytes]:
        first, second = pictures(2)
        yield first
        await asyncio.wait_for(came.wait(), 30)
        yield second

    async for _ in asking.scan(images()):
        came.set()


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def out_of_time(task: asyncio.Task[Any]) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(task, 0.05)


async def with_a_failing_sibling(task: asyncio.Task[Any]) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("needs asyncio.TaskGroup")

    async def fail() -> None:
        await asyncio.sleep(0.05)
        raise ZeroDivisionError

    async def wait() -> None:
        await task

    with pytest.raises(Exception, match="TaskGroup"):
        async with asyncio.TaskGroup() as group:
            group.create_task(wait())
            group.create_task(fail())


@pytest.mark.parametrize("give_up", [cancelled, out_of_time, with_a_failing_sibling])
@pytest.mark.parametrize("is_closed", [True, False])
async def test_giving_up_drops_no_request(
    emulator: Emulator, asking: aigclens.AsyncClient, tmp_path: Path, give_up: Any, is_closed: bool
) -> None:
    """H07, H09: what is in flight is finished in the background and recorded, and the store is free again."""
    store = tmp_path / "run.sqlite"
    slow(emulator, 0.5)

    async def work() -> None:
        scan = asking.scan(pictures(60), store=store, concurrency=4)
        if is_closed:
            async with scan:
                async for _ in scan:
                    pass
        async for _ in scan:
            pass

    task = asyncio.create_task(work())
    await asyncio.to_thread(until, lambda: charged(emulator) >= 4)
    await give_up(task)
    del task
    gc.collect()
    lock = store.with_name("run.sqlite-lock")
    await asyncio.to_thread(until, lambda: not lock.exists(), "the end of the scan")
    paid = charged(emulator)
    known = await asyncio.to_thread(look, store)
    assert known == {"billed": paid, "answered": paid}
    assert 4 <= paid < 60
    emulator.clear_faults()
    async with asking.scan(pictures(60), store=store) as scan:
        assert sum([row.cached async for row in scan]) == paid
    assert charged(emulator) == 60


@pytest.mark.parametrize("kind", ["folder", "list", "async", "async-files"])
async def test_waiting_that_is_given_up_again_and_again_loses_no_item(
    emulator: Emulator, asking: aigclens.AsyncClient, tmp_path: Path, kind: str
) -> None:
    """H09: `wait_for` around each single row; items that were on their way go on."""
    place = folder(tmp_path / "photos", 40)
    files = [bytearray(one + bytes(100_000)) for one in pictures(40)]
    source: Any = {
        "folder": lambda: place,
        "list": lambda: pictures(40),
        "async": lambda: trickle(pictures(40), 0.002),
        "async-files": lambda: trickle(files, 0.001),  # type: ignore[arg-type]
    }[kind]()
    slow(emulator, 0.01)
    keys, given_up = [], 0
    async with asking.scan(source, concurrency=2) as scan:
        while True:
            try:
                keys.append((await asyncio.wait_for(anext(scan), 0.0005 * (1 + given_up % 7))).key)
            except asyncio.TimeoutError:
                given_up += 1
            except StopAsyncIteration:
                break
    assert given_up > 3
    assert len(keys) == len(set(keys)) == 40
    assert charged(emulator) == 40


async def test_the_loop_is_free_meanwhile(emulator: Emulator, asking: aigclens.AsyncClient) -> None:
    slow(emulator, 0.3)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.005)
            turns += 1

    other = asyncio.create_task(turn())
    assert [row.ok async for row in asking.scan(pictures(8), concurrency=4)] == [True] * 8
    other.cancel()
    assert turns > 30


async def test_what_an_input_raises_comes_once_and_last(asking: aigclens.AsyncClient) -> None:
    """L22: also where the input takes itself for cancelled."""
    for ending in (ValueError("on purpose"), asyncio.CancelledError()):

        async def images(ending: BaseException = ending) -> AsyncIterator[bytes]:
            for one in pictures(5):
                yield one
            raise ending

        scan, rows = asking.scan(images()), []
        with pytest.raises(type(ending)):
            async for row in scan:
                rows.append(row)
        assert len(rows) == 5
        assert [row async for row in scan] == []


async def test_stop_and_the_budget_end_a_scan_whose_input_never_comes(
    emulator: Emulator, asking: aigclens.AsyncClient
) -> None:
    closed = []

    async def images() -> AsyncIterator[bytes]:
        try:
            for one in pictures(5):
                yield one
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    rows = []
    with pytest.raises(aigclens.BudgetExceeded):
        async for row in asking.scan(images(), budget=3):
            rows.append(row)
    assert len(rows) == 3
    scan = asking.scan(images())
    asyncio.get_running_loop().call_later(0.3, scan.stop)
    assert len([row async for row in scan]) == 5
    assert closed == [True, True], "the input's own end is run"
    assert charged(emulator) == 8


def test_a_scan_goes_on_on_another_loop(emulator: Emulator, asking: aigclens.AsyncClient) -> None:
    scan = asking.scan(pictures(30), concurrency=2)
    slow(emulator, 0.02)

    async def some(most: int) -> int:
        count = 0
        async for _ in scan:
            count += 1
            if count == most:
                break
        return count

    assert [asyncio.run(some(5)), asyncio.run(some(5)), asyncio.run(some(100))] == [5, 5, 20]

    async def some_rows_and_none_to_come() -> AsyncIterator[bytes]:
        for one in pictures(3):
            yield one
        await asyncio.Event().wait()

    async def bound() -> Any:
        other = asking.scan(some_rows_and_none_to_come())
        with pytest.raises(asyncio.TimeoutError):
            for _ in range(4):
                await asyncio.wait_for(anext(other), 2.0)
        return other

    async def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="event loop"):
            await anext(other)

    loop = asyncio.new_event_loop()
    try:
        other = loop.run_until_complete(bound())
        asyncio.run(elsewhere())
        loop.run_until_complete(other.aclose())
    finally:
        loop.close()
    assert charged(emulator) == 33


def test_scans_on_several_loops_side_by_side(emulator: Emulator, asking: aigclens.AsyncClient) -> None:
    found: list[int] = []

    async def work() -> None:
        found.append(len([row async for row in asking.scan(pictures(20))]))

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [20] * 4


def test_under_uvloop(emulator: Emulator, asking: aigclens.AsyncClient, tmp_path: Path) -> None:
    """H09."""
    uvloop = pytest.importorskip("uvloop")
    store = tmp_path / "run.sqlite"
    slow(emulator, 0.3)

    async def work() -> int:
        async def given_up() -> None:
            async with asking.scan(pictures(40), store=store, concurrency=4) as scan:
                async for _ in scan:
                    pass

        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(given_up(), 0.5)
        emulator.clear_faults()
        async with asking.scan(trickle(pictures(40)), store=store) as scan:
            return len([row async for row in scan])

    loop: Any = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(work()) == 40
    finally:
        loop.close()
    assert charged(emulator) == 40


def test_a_scan_that_nobody_finished_is_let_go(emulator: Emulator, asking: aigclens.AsyncClient, tmp_path: Path) -> None:
    """H07: its loop has ended, and the scan is garbage: no warning, the store is let go of, all is in it."""
    store = tmp_path / "run.sqlite"
    slow(emulator, 0.3)

    async def leave(source: Any) -> None:
        await anext(asking.scan(source, store=store, concurrency=4))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(2):
            asyncio.run(leave(trickle(pictures(20)) if number else pictures(20)))
            gc.collect()
            until(lambda: not store.with_name("run.sqlite-lock").exists(), "the end of the scan")
    known = look(store)
    assert known == {"billed": charged(emulator), "answered": charged(emulator)}


async def test_observers_and_progress_are_told_on_the_loops_thread(emulator: Emulator, tmp_path: Path) -> None:
    here, heard = threading.get_ident(), []

    def hear(_: object) -> None:
        heard.append(threading.get_ident())

    client = emulator.async_client(qps=None, on_event=hear)
    slow(emulator, 0.2)
    async with client, client.scan(folder(tmp_path / "photos", 12), progress=hear, concurrency=3) as scan:
        async for _ in scan:
            break
    assert len(heard) > 6
    assert set(heard) == {here}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
async def test_200_scans_leave_nothing_behind(asking: aigclens.AsyncClient, tmp_path: Path) -> None:
    """Neither threads nor descriptors, nor futures that wait for ever."""
    images = pictures(2)

    def count() -> tuple[int, int, int]:
        gc.collect()
        futures = sum(isinstance(one, asyncio.Future) for one in gc.get_objects())
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), futures

    async def some(times: int) -> None:
        for number in range(times):
            source = trickle(images) if number % 5 else images
            async with asking.scan(source, store=tmp_path / "run.sqlite" if number % 2 else None) as scan:
                async for _ in scan:
                    if number % 3 == 0:
                        break

    await some(20)
    before = count()
    await some(200)
    after = count()
    assert after[0] <= before[0] + 4
    # Threads of the loop's own pool come and go.
    assert after[1] <= before[1] + 40
    assert after[2] <= before[2] + 5
    assert doors.port(asyncio.get_running_loop()) is not None
