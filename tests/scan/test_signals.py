"""Scans and what happens to their process: Ctrl-C, SIGTERM, forks, the end of the interpreter, the end of the world."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import aigclens
from aigclens.testing import Emulator
from scan_stage import charged, end, look, pictures, slow, start, until

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs signals and forks")

SYNC = """
    with Client(qps=None) as client, client.scan(pictures(60), store=sys.argv[1], concurrency=4) as scan:
        for row in scan:
            print(row.key, flush=True)
"""
ASYNC = """
    async def main():
        async with AsyncClient(qps=None) as client, client.scan(pictures(60), store=sys.argv[1], concurrency=4) as scan:
            async for row in scan:
                print(row.key, flush=True)
    asyncio.run(main())
"""


def nothing_is_lost(emulator: Emulator, store: Path, printed: str) -> None:
    """What was charged is in the store, answered; and all that was handed out is among it."""
    known = look(store)
    assert known.get("intent", 0) == known.get("possibly_billed", 0) == 0
    assert known["billed"] == known["answered"] == charged(emulator) < 60
    before = charged(emulator)
    emulator.clear_faults()
    with emulator.client(qps=None) as client, client.scan(pictures(60), store=store) as scan:
        rows = {row.key: row for row in scan}
    assert charged(emulator) == 60, "each image was paid for once"
    assert sum(row.cached for row in rows.values()) == before
    assert all(rows[key].cached for key in printed.split())


@pytest.mark.parametrize("text", [SYNC, ASYNC], ids=["sync", "async"])
def test_ctrl_c_finishes_and_records_what_is_in_flight(emulator: Emulator, tmp_path: Path, text: str) -> None:
    """H11: no acknowledged answer is lost, nothing that was paid for is left in doubt."""
    store = tmp_path / "run.sqlite"
    slow(emulator, 0.5)
    program = start(emulator, text, store)
    until(lambda: charged(emulator) >= 6)
    program.send_signal(signal.SIGINT)
    status, out, err = end(program)
    assert status == -signal.SIGINT
    assert err.splitlines()[-1] == "KeyboardInterrupt"
    assert len(out.split()) >= 1
    nothing_is_lost(emulator, store, out)


def test_sigterm_with_a_handler_that_stops_the_scan(emulator: Emulator, tmp_path: Path) -> None:
    """H11: the rows of what was in flight are handed out too, and the program goes on to its end."""
    store = tmp_path / "run.sqlite"
    slow(emulator, 0.5)
    text = """
        with Client(qps=None) as client, client.scan(pictures(60), store=sys.argv[1], concurrency=4) as scan:
            signal.signal(signal.SIGTERM, lambda *_: scan.stop())
            for row in scan:
                print(row.key, flush=True)
        print(scan.summary.stopped, scan.summary.billed_calls, file=sys.stderr)
        sys.exit(143)
    """
    program = start(emulator, text, store)
    until(lambda: charged(emulator) >= 6)
    program.send_signal(signal.SIGTERM)
    status, out, err = end(program)
    assert status == 143
    assert len(out.split()) == charged(emulator)
    assert err == f"stopped {charged(emulator)}\n"
    nothing_is_lost(emulator, store, out)


def test_a_second_ctrl_c_ends_the_waiting(emulator: Emulator, tmp_path: Path) -> None:
    """H11: the calls in flight are left as intents, which the next run asks again."""
    store = tmp_path / "run.sqlite"
    emulator.fault(stage="after_billing", action="stall", operation="ImageModeration", seconds=50)
    text = """
        client = Client(qps=None, timeout=50)
        try:
            for row in client.scan(pictures(60), store=sys.argv[1], concurrency=4):
                pass
        except KeyboardInterrupt:
            os._exit(130)
    """
    program = start(emulator, text, store)
    until(lambda: charged(emulator) == 4)
    program.send_signal(signal.SIGINT)
    with pytest.raises(Exception, match="timed out"):
        program.wait(1.0)
    program.send_signal(signal.SIGINT)
    assert end(program)[0] == 130
    assert look(store)["intent"] == 4


@pytest.mark.parametrize(
    "text",
    [
        # At the end of the module the scan is still referred to.
        """
        client = Client(qps=None)
        scan = client.scan(pictures(60), store=sys.argv[1], concurrency=4)
        print(next(scan).key)
        """,
        # Iterated by a thread that nobody waits for.
        """
        client, first = Client(qps=None), threading.Event()
        def work():
            for row in client.scan(pictures(60), store=sys.argv[1], concurrency=4):
                print(row.key, flush=True)
                first.set()
        threading.Thread(target=work, daemon=True).start()
        first.wait()
        """,
        # A loop that ends before the scan does, which nobody closes.
        """
        client = AsyncClient(qps=None)
        async def main():
            async for row in client.scan(pictures(60), store=sys.argv[1], concurrency=4):
                print(row.key)
                return
        asyncio.run(main())
        """,
        """
        async def main():
            client = AsyncClient(qps=None)
            scan = client.scan(pictures(60), store=sys.argv[1], concurrency=4)
            globals()["kept"] = scan
            print((await anext(scan)).key)
        asyncio.run(main())
        """,
    ],
    ids=["sync", "daemon", "async", "async-kept"],
)
def test_the_interpreter_ends_with_a_scan_in_flight(emulator: Emulator, tmp_path: Path, text: str) -> None:
    """H15, L25: recorded, no hang, not a word."""
    store = tmp_path / "run.sqlite"
    slow(emulator, 0.5)
    status, out, err = end(start(emulator, text, store))
    assert (status, err) == (0, "")
    assert charged(emulator) > 1
    nothing_is_lost(emulator, store, out)


@pytest.mark.parametrize("death", ["os._exit(9)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_process_that_is_gone_leaves_doubts_and_no_losses(emulator: Emulator, tmp_path: Path, death: str) -> None:
    """L24, L25, M02: what was in flight is in doubt, counts as spent, and is asked again only where that is wanted."""
    store = tmp_path / "run.sqlite"
    emulator.fault(stage="after_billing", action="stall", operation="ImageModeration", nth=11)
    text = f"""
        client = Client(qps=None, timeout=50)
        for count, row in enumerate(client.scan(pictures(11), store=sys.argv[1], concurrency=1), 1):
            print(row.key, flush=True)
            if count == 10:
                sys.stdin.read()
                {death}
    """
    program = start(emulator, text, store)
    until(lambda: charged(emulator) == 11)
    status, out, _ = end(program)
    assert status != 0
    assert len(out.split()) == 10
    known = look(store)
    assert (known["billed"], known["intent"]) == (10, 1), "what was charged was written down before"
    emulator.clear_faults()
    with emulator.client(qps=None) as client:
        with client.scan(pictures(11), store=store, retry="none", budget=11) as scan:
            assert [row.error_code for row in scan if not row.ok] == ["AmbiguousOutcomeError"]
            assert scan.summary.spent_before == 11 * 600
        assert charged(emulator) == 11
        with client.scan(pictures(11), store=store, budget=11) as scan, pytest.raises(aigclens.BudgetExceeded):
            list(scan)
        assert charged(emulator) == 11, "a doubt counts as spent"
        with client.scan(pictures(11), store=store) as scan:
            assert sum(row.ok for row in scan) == 11
        assert charged(emulator) == 12


def in_child(work: Callable[[], object]) -> None:
    """Does it in a child of a fork, which ends as Python programs end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        # The test runner has a handler of its own, which a hanging child would never come to.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(30)
        status = 1
        try:
            work()
            # As at the end of a program, without the test runner's own affairs.
            from aigclens.scanning import drive

            drive._close_all()
            status = 0
        except BaseException as error:
            os.write(2, f"child: {error!r}\n".encode())
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_cannot_use_its_parents_scan_and_the_parent_goes_on(emulator: Emulator, tmp_path: Path) -> None:
    """H13: a clear error and no hang; neither the store's lock nor the calls are the child's."""
    store = tmp_path / "run.sqlite"
    slow(emulator, 0.2)
    with emulator.client(qps=None) as client, client.scan(pictures(12), store=store, concurrency=4) as scan:
        rows = [next(scan)]

        def child() -> None:
            with pytest.raises(aigclens.StoreError, match="process"):
                for _ in range(100):
                    next(scan)
            with pytest.raises(aigclens.StoreLocked, match=str(os.getppid())):
                client.scan(pictures(1), store=store)
            scan.stop()
            scan.close()
            with client.scan(pictures(1, first=50), store=tmp_path / "other.sqlite") as own:
                assert [row.ok for row in own] == [True], "a scan of its own works"

        in_child(child)
        with pytest.raises(aigclens.StoreLocked):
            client.scan(pictures(1), store=store)
        rows += scan
    assert len(rows) == 12
    assert all(row.ok for row in rows)
    assert charged(emulator) == 13


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_that_ends_ends_nothing_of_its_parent(emulator: Emulator, tmp_path: Path) -> None:
    """H13: a whole program that forks in its scan, and whose child leaves by `sys.exit`."""
    text = """
        import warnings
        warnings.simplefilter("ignore")
        told = []
        client = Client(qps=None)
        with client.scan(pictures(12), store=sys.argv[1], concurrency=4, progress=told.append) as scan:
            next(scan)
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                sys.exit(5)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            print(status, sum(row.ok for row in scan))
    """
    slow(emulator, 0.2)
    assert end(start(emulator, text, tmp_path / "run.sqlite")) == (0, "5 11\n", "")
    assert charged(emulator) == 12


def test_children_begin_scans_while_the_parent_writes(emulator: Emulator, tmp_path: Path) -> None:
    """H13: SQLite has locks for the whole process; no child finds one taken by a thread that it does not have."""
    text = """
        import warnings
        warnings.simplefilter("ignore")

        def urls(first, count):
            return (f"https://images.example/{number}.png" for number in range(first, first + count))

        client = Client(qps=None)

        def scan(name, first, count):
            with client.scan(urls(first, count), store=os.path.join(sys.argv[1], name), concurrency=32) as rows:
                return len(list(rows))

        # What is loaded late is loaded now: Python has locks of its own for that.
        scan("first", 0, 1)
        is_over = threading.Event()

        def write():
            number = 0
            while not is_over.is_set():
                number += 1
                scan(f"parent-{number}", 1_000 * number, 300)

        thread = threading.Thread(target=write)
        thread.start()
        ends = set()
        for number in range(40):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                os._exit(scan(f"child-{number}", 0, 1) - 1)
            ends.add(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        is_over.set()
        thread.join()
        print(ends)
    """
    assert end(start(emulator, text, tmp_path)) == (0, "{0}\n", "")
