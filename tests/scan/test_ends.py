"""However a scan ends, what was paid for is kept: cancelled, forked, signalled, left alone, or read too slowly."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aigclens
from aigclens.store import Store
from aigclens.testing import Emulator

URLS = [f"https://example.com/{number}.png" for number in range(400)]


@pytest.fixture
def service() -> Iterator[Emulator]:
    """An emulator that knows all URLs."""
    with Emulator(qps=0) as running:
        for url in URLS:
            running.answer(url=url, label="nonLabel")
        yield running


@pytest.fixture
def asking(service: Emulator) -> Iterator[aigclens.Client]:
    with service.client(qps=None) as made:
        yield made


def answered(store: Path) -> set[str]:
    with Store(store) as opened:
        assert opened.verify() == []
        return {row.key for row in opened.rows() if row.ok}


async def test_a_cancelled_task_leaves_its_requests_to_end(service: Emulator, tmp_path: Path) -> None:
    """H07: the cancellation is passed on, and each request that was under way is answered and stored."""
    service.fault(stage="after_billing", action="delay", seconds=0.3, operation="ImageModeration")
    store = tmp_path / "run.sqlite"
    async with service.async_client(qps=None) as client:
        scan = client.scan(URLS[:8], store=store, concurrency=8)

        async def one() -> None:
            await anext(scan)

        task = asyncio.ensure_future(one())
        while service.ledger().billed < 8:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await scan.aclose()
    assert answered(store) == set(URLS[:8])
    with Store(store) as opened:
        assert opened.unresolved() == []
    assert service.ledger().billed == 8


FORKED = """
import os, sys
import aigclens

urls = [f"https://example.com/{number}.png" for number in range(400)]
with aigclens.Client(qps=None) as client, client.scan(urls, store="run.sqlite") as scan:
    next(scan)
    child = os.fork()
    if not child:
        try:
            while True:
                # Rows that the parent had taken already may come first.
                next(scan)
        except aigclens.StoreError as error:
            said = str(error)
        try:
            client.scan(urls, store="run.sqlite")
        except aigclens.StoreLocked as error:
            os.write(1, f"{said}\\n{error}\\n".encode())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print(sum(1 for row in scan if row.ok), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no fork")
def test_a_fork_leaves_the_scan_to_the_parent(service: Emulator, tmp_path: Path) -> None:
    """H13: the child's copy is of no use and says so, and the lock on the store stays with the parent."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED],
        cwd=tmp_path,
        env={**os.environ, **service.environment()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    used, locked, rows = done.stdout.splitlines()
    assert "belongs to the process that began it" in used
    assert "in use: process " in locked
    assert rows == "399"
    assert answered(tmp_path / "run.sqlite") == set(URLS)
    assert service.ledger().billed == 400


def test_the_second_signal_ends_it_at_once(service: Emulator, tmp_path: Path) -> None:
    """H11: the first waits for what is in flight, the second does not; that may have been charged, and is listed."""
    service.fault(stage="after_billing", action="stall", operation="ImageModeration")
    (tmp_path / "urls.txt").write_text("\n".join(URLS))
    command = [sys.executable, "-m", "aigclens", "scan", "urls.txt", "--store", "run.sqlite", "--concurrency", "4"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, **service.environment()}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while service.ledger().billed < 4:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        while "once more stops now" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert process.wait(60) == 130
        # A call in flight would have taken its time-out of 15 s, twice.
        assert time.monotonic() - began < 10
    with Store(tmp_path / "run.sqlite") as opened:
        assert opened.verify() == []
        doubts = opened.unresolved()
    assert len(doubts) == service.ledger().billed == 4
    assert {one.outcome for one in doubts} == {"Intended"}


def test_a_store_is_read_while_its_scan_runs(asking: aigclens.Client, service: Emulator, tmp_path: Path) -> None:
    """L15: by our own functions in the process of the scan, and by any SQLite in another one; neither takes the lock,
    a row or a file away.
    """
    store = tmp_path / "run.sqlite"
    others = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM rows').fetchone())"
    seen = 0
    with asking.scan(URLS, store=store) as scan:
        for number, _ in enumerate(scan, 1):
            if number % 50 == 0:
                with Store(store) as opened:
                    assert sum(1 for _ in opened.rows()) >= number
                command = [sys.executable, "-c", others, str(store)]
                seen = int(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
                assert seen >= number
                with pytest.raises(aigclens.StoreLocked):
                    asking.scan(URLS, store=store)
    assert seen == service.ledger().billed == 400
    assert answered(store) == set(URLS)
    # When no scan of this process has it open, it is a file as any other.
    another = sqlite3.connect(store)
    assert another.execute("SELECT count(*) FROM rows WHERE ok").fetchone() == (400,)
    another.close()
    assert answered(store) == set(URLS)


def test_no_second_sqlite_of_the_process_opens_a_store_that_is_written(
    asking: aigclens.Client, service: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L15: it would take the log away, and rows with it; by whatever name, and only while a scan writes."""
    monkeypatch.chdir(tmp_path)
    os.symlink("run.sqlite", "link")
    names: list[Any] = ["run.sqlite", b"run.sqlite", Path("run.sqlite"), "./link", "file:run.sqlite?mode=ro"]
    names += [f"file:{tmp_path}/run%2Esqlite", f"file://{tmp_path}/run.sqlite?mode=ro"]
    nothing: Any = None
    with asking.scan(URLS, store="run.sqlite") as scan:
        next(scan)
        for name in names:
            with pytest.raises(aigclens.StoreLocked, match="in another process"):
                sqlite3.connect(name, uri=str(name).startswith("file:"))
        for other in (":memory:", "", tmp_path / "other.sqlite"):
            sqlite3.connect(other).close()
        with pytest.raises(TypeError):
            sqlite3.connect(nothing)
        assert 1 + sum(1 for _ in scan) == 400
    for name in names:
        opened = sqlite3.connect(name, uri=str(name).startswith("file:"))
        assert opened.execute("SELECT count(*) FROM rows").fetchone() == (400,)
        opened.close()


def test_a_slow_reader_holds_up_the_input_and_loses_nothing(
    asking: aigclens.Client, service: Emulator, tmp_path: Path
) -> None:
    """L21: so many rows wait at most; more is neither taken from the input nor asked about, and all of it is stored."""
    store = tmp_path / "run.sqlite"
    taken = 0

    def source() -> Iterator[str]:
        nonlocal taken
        for url in URLS:
            taken += 1
            yield url

    with asking.scan(source(), store=store, concurrency=4) as scan:
        next(scan)
        before = -1
        while before != (before := service.ledger().billed):
            time.sleep(0.3)
        # 2 x concurrency and four times what is looked at ahead, and what the first look at the rows took.
        assert taken <= 1 + 2 * 4 + 4 * 32 + 1
        assert before <= taken < 400
        assert len(answered(store)) == before
        assert 1 + sum(1 for _ in scan) == taken == 400
    assert service.ledger().billed == 400


def test_the_store_tells_each_row_as_the_scan_did(asking: aigclens.Client, tmp_path: Path, png: bytes) -> None:
    (tmp_path / "a.png").write_bytes(png)
    with asking.scan([*URLS[:20], tmp_path / "a.png", "https://example.com/gone.png"], store=tmp_path / "s") as scan:
        told = {row.key: row.to_dict() for row in scan}
    with Store(tmp_path / "s") as opened:
        kept = {row.key: row.to_dict() for row in opened.rows()}
    assert len(told) == 22
    assert kept == told


LONG = """
import os
from pathlib import Path
import aigclens


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def items():
    for number in range(30_000):
        yield f"item-{number}", f"https://example.com/{number % 10}.png"


start = rows = 0
with aigclens.scan(items(), store="run.sqlite", qps=None) as scan:
    for row in scan:
        rows += row.ok
        if rows == 5_000:
            start = resident()
print(rows, resident() - start)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_input(service: Emulator, tmp_path: Path) -> None:
    """L20, L01: rows that were kept would take more than forty megabytes here."""
    done = subprocess.run(
        [sys.executable, "-c", LONG],
        cwd=tmp_path,
        env={**os.environ, **service.environment()},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    rows, grown = map(int, done.stdout.split())
    assert (rows, service.ledger().billed) == (30_000, 10)
    # The store's own cache is bounded at 16 MiB, and may have been small at first.
    assert grown < 24 * 1024 * 1024
