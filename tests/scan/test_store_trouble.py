"""What a user sees when the place of a store is full, read-only, on a network, or somebody else's: a clear error,
nothing lost, nothing paid for twice, and a run that completes once the cause is gone.

Real file systems are mounted for this. Where that is not possible, the tests skip and say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import aigclens
from aigclens.store import Store
from aigclens.testing import Emulator

ITEMS = 3_000
# Enough for a store to begin with, and far too little for the answers.
SMALL = "3m"


def urls(count: int = ITEMS) -> list[str]:
    return [f"https://img.example/{number}.png" for number in range(count)]


def mounted(*arguments: str) -> None:
    """Mounts something, or skips the test with the reason."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        pytest.skip(f"{arguments[0]} does not work here: {done.stderr.strip() or done.returncode}")


@contextmanager
def unmounted_after(place: Path) -> Iterator[Path]:
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True, timeout=30)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """A disk in memory, made or changed by mount's options."""
    place = tmp_path / "disk"

    def change(*options: str) -> Path:
        if place.exists():
            subprocess.run(["mount", "-o", ",".join(["remount", *options]), str(place)], check=True, timeout=30)
        else:
            place.mkdir()
            mounted("mount", "-t", "tmpfs", "-o", ",".join(options), "none", str(place))
        return place

    yield change
    if place.is_mount():
        with unmounted_after(place):
            pass


@pytest.fixture(autouse=True)
def _a_place_for_rescue_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))


@pytest.fixture
def answering(emulator: Emulator) -> Emulator:
    emulator.settings(judge="hash")
    return emulator


def run(emulator: Emulator, store: Path, count: int = ITEMS) -> tuple[dict[str, Any], BaseException | None]:
    """One scan: the rows that were handed out, by their keys, and what ended it early."""
    rows: dict[str, Any] = {}
    with emulator.client(qps=None) as client:
        try:
            with aigclens.scan(urls(count), store=store, client=client) as scan:
                for row in scan:
                    rows[row.key] = row
        except aigclens.AigcError as error:
            return rows, error
    return rows, None


def same(stored: Path, rows: dict[str, Any]) -> bool:
    """Whether every row that was handed out is in the store, with the same answer."""
    with Store(stored) as store:
        assert store.verify() == []
        kept = {row.key: row.request_id for row in store.rows()}
    return {key: row.request_id for key, row in rows.items()} == {key: kept.get(key) for key in rows}


def test_a_disk_that_runs_full_loses_nothing_and_it_goes_on(disk: Callable[..., Path], answering: Emulator) -> None:
    """L06, L07: it ends with `StoreFull` and every answer that came, and goes on where there is room again."""
    store = disk(f"size={SMALL}") / "run.sqlite"
    rows, why = run(answering, store)
    assert isinstance(why, aigclens.StoreFull) and "\n" not in str(why), why
    assert str(store) in str(why)
    assert 0 < len(rows) < ITEMS and all(row.ok for row in rows.values())
    assert answering.ledger().billed == len(rows), "what was asked was handed out, and nothing was asked after"
    disk("size=64m")
    again, why = run(answering, store)
    assert why is None and len(again) == ITEMS and all(row.ok for row in again.values())
    assert {key: again[key].request_id for key in rows} == {key: row.request_id for key, row in rows.items()}
    assert all(again[key].cached for key in rows)
    assert answering.ledger().billed == ITEMS, "nothing is paid for twice"
    assert same(store, again)


def test_a_disk_that_is_full_from_the_start_costs_nothing(disk: Callable[..., Path], answering: Emulator) -> None:
    """L06: nothing is sent where not even a beginning can be written."""
    place = disk("size=1m")
    (place / "others").write_bytes(bytes(1 << 20))
    rows, why = run(answering, place / "run.sqlite", 10)
    assert isinstance(why, aigclens.StoreFull) and rows == {} and answering.requests() == []
    (place / "others").unlink()
    rows, why = run(answering, place / "run.sqlite", 10)
    assert why is None and len(rows) == answering.ledger().billed == 10


def test_a_read_only_place_is_told_before_any_call(disk: Callable[..., Path], answering: Emulator) -> None:
    """L09: for a store that is to be made, and for one that has answers already."""
    place = disk("size=16m")
    assert run(answering, place / "run.sqlite", 10)[1] is None
    disk("ro")
    asked = len(answering.requests())
    for name in ("run.sqlite", "new.sqlite"):
        rows, why = run(answering, place / name, 20)
        assert isinstance(why, aigclens.StoreError) and not isinstance(why, aigclens.StoreDamaged), name
        assert rows == {} and "read-only" in str(why).lower() and "\n" not in str(why), why
    assert len(answering.requests()) == asked
    disk("rw")
    rows, why = run(answering, place / "run.sqlite", 20)
    assert why is None and [row.cached for row in rows.values()].count(True) == 10
    assert answering.ledger().billed == 20


def test_a_file_system_of_another_process_is_refused(tmp_path: Path, answering: Emulator) -> None:
    """L14: SQLite's log comes apart there; a path on a local disk does."""
    if not shutil.which("bindfs"):
        pytest.skip("bindfs is not installed: there is no file system over FUSE to try")
    real, place = tmp_path / "real", tmp_path / "remote"
    real.mkdir()
    place.mkdir()
    mounted("bindfs", str(real), str(place))
    with unmounted_after(place):
        rows, why = run(answering, place / "run.sqlite", 10)
        assert isinstance(why, aigclens.StoreError) and "FUSE" in str(why) and "local disk" in str(why), why
        assert rows == {} and answering.requests() == [] and list(real.iterdir()) == []
    rows, why = run(answering, real / "run.sqlite", 10)
    assert why is None and len(rows) == 10


SECOND = """
import sys, aigclens
try:
    with aigclens.scan(sys.argv[2:], store=sys.argv[1], qps=None) as scan:
        print(sum(row.cached for row in scan))
except aigclens.StoreLocked as error:
    print(error)
"""


def test_a_second_process_is_told_who_has_the_store(tmp_path: Path, answering: Emulator) -> None:
    """L12: it fails at once, and the first one is not disturbed; the second completes after it."""
    store = tmp_path / "run.sqlite"

    def second() -> str:
        arguments = [sys.executable, "-c", SECOND, str(store), *urls(50)]
        variables = {**os.environ, **answering.environment()}
        done = subprocess.run(arguments, env=variables, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with answering.client(qps=None) as client, aigclens.scan(urls(50), store=store, client=client) as scan:
        first = [next(scan)]
        told = second()
        assert f"process {os.getpid()} " in told and str(store) in told and "\n" not in told, told
        with pytest.raises(aigclens.StoreLocked, match="this process"):
            aigclens.scan(urls(50), store=store, client=client)
        first += scan
    assert len(first) == 50 and all(row.ok for row in first)
    assert second() == "50"
    assert answering.ledger().billed == 50


def test_a_store_that_is_taken_away_and_put_back(tmp_path: Path, answering: Emulator) -> None:
    """L11: its rows so far are safe, and what came afterwards is kept outside until it is back."""
    store, away = tmp_path / "run.sqlite", tmp_path / "away"
    away.mkdir()
    rows: dict[str, Any] = {}
    with (
        answering.client(qps=None) as client,
        pytest.raises(aigclens.StoreError, match="moved, deleted or replaced") as told,
        aigclens.scan(urls(), store=store, client=client) as scan,
    ):
        for row in scan:
            rows[row.key] = row
            if len(rows) == 100:
                for path in tmp_path.glob("run.sqlite*"):
                    path.rename(away / path.name)
    assert "\n" not in str(told.value) and 100 <= len(rows) < ITEMS
    assert answering.ledger().billed == len(rows)
    for path in away.iterdir():
        path.rename(tmp_path / path.name)
    again, why = run(answering, store)
    assert why is None and len(again) == ITEMS
    assert {key: again[key].request_id for key in rows} == {key: row.request_id for key, row in rows.items()}
    assert answering.ledger().billed == ITEMS
