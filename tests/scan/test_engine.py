"""What a scan promises to whoever iterates: once paid, in time, in order where that is wanted, and never too far ahead."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aigclens
from aigclens.testing import Emulator
from scan_stage import asked, charged, folder, look, pictures, slow, until


def test_equal_images_are_paid_for_once(emulator: Emulator, client: aigclens.Client, tmp_path: Path) -> None:
    """L01, I21: in memory, in files, and as hard links; each has its own row."""
    place = folder(tmp_path / "photos", 3)
    os.link(place / "000.png", place / "link.png")
    (place / "copy.png").write_bytes((place / "000.png").read_bytes())
    with client.scan(place, ordered=True) as scan:
        rows = {row.key: row for row in scan}
    assert charged(emulator) == 3
    same = [rows[key] for key in ("000.png", "copy.png", "link.png")]
    assert [row.billing for row in same].count("billed") == 1
    first = next(row.key for row in same if row.billing == "billed")
    assert {row.duplicate_of for row in same if row.key != first} == {first}
    assert len({(row.blake3, row.label, row.request_id) for row in same}) == 1
    assert (scan.summary.items, scan.summary.duplicates, scan.summary.billed_calls) == (5, 2, 3)
    assert [row.ok for row in client.detect_many(pictures(1) * 50)] == [True] * 50
    assert charged(emulator) == 4, "without a store nothing is kept"


def test_a_second_run_costs_nothing_and_changed_files_do(
    emulator: Emulator, client: aigclens.Client, tmp_path: Path
) -> None:
    """L02, L17."""
    place, store = folder(tmp_path / "photos", 5), tmp_path / "run.sqlite"
    first = {row.key: row for row in client.scan(place, store=store)}
    requests = asked(emulator)
    with client.scan(place, store=store) as scan:
        again = {row.key: row for row in scan}
    assert asked(emulator) == requests == 5
    assert all(row.cached and row.billing == "not_billed" for row in again.values())
    assert {key: row.request_id for key, row in first.items()} == {key: row.request_id for key, row in again.items()}
    assert (scan.summary.cached, scan.summary.billed_calls, scan.summary.spent_before) == (5, 0, 3000)
    (place / "002.png").write_bytes(pictures(1, first=99)[0])
    changed = [row for row in client.scan(place, store=store) if not row.cached]
    assert [(row.key, row.billing) for row in changed] == [("002.png", "billed")]
    assert charged(emulator) == 6


def test_answers_count_for_the_same_question_only(emulator: Emulator, client: aigclens.Client, tmp_path: Path) -> None:
    """L18: neither another service nor another endpoint is satisfied by what one said."""
    store, images = tmp_path / "run.sqlite", pictures(3)

    def cached(asking: aigclens.Client, **options: Any) -> list[bool]:
        with asking.with_options(**options).scan(images, store=store) as scan:
            return [row.cached for row in scan]

    assert cached(client) == [False] * 3
    assert cached(client, info_type="customizedAnalysis") == [False] * 3
    with Emulator(qps=0) as other, other.client(qps=None) as elsewhere:
        assert cached(elsewhere) == [False] * 3
        assert charged(other) == 3
    emulator.reset()
    assert cached(client) == [True] * 3
    with emulator.client(qps=None, service="aigcDetector_cb") as asking:
        with asking.scan(images, store=store) as scan:
            rows = list(scan)
        assert not any(row.cached for row in rows)
        assert {row.service for row in rows} == {"aigcDetector_cb"}


def test_rows_of_a_slow_generator_come_before_it_goes_on(client: aigclens.Client) -> None:
    """The window has room for many more; the rows are handed out all the same."""
    handed_out: list[str] = []

    def slowly() -> Iterator[bytes]:
        for number, data in enumerate(pictures(6)):
            until(lambda number=number: number < 2 or len(handed_out) >= number - 1, "a row")  # type: ignore[misc]
            time.sleep(0.1)
            yield data

    for row in client.scan(slowly()):
        handed_out.append(row.key)
    assert len(handed_out) == 6


@pytest.mark.parametrize("is_ordered", [True, False])
def test_order_is_kept_where_it_is_wanted(emulator: Emulator, client: aigclens.Client, is_ordered: bool) -> None:
    """A slow first answer holds the others back in order, and nobody out of order."""
    emulator.fault(stage="after_billing", action="delay", seconds=1.0, operation="ImageModeration", nth=1)
    with client.scan(pictures(8), ordered=is_ordered, concurrency=2) as scan:
        keys = [row.key for row in scan]
    assert sorted(keys) == sorted(f"#{number}" for number in range(8))
    assert (keys == [f"#{number}" for number in range(8)]) is is_ordered


def test_a_slow_consumer_holds_the_input_back_and_loses_nothing(
    emulator: Emulator, client: aigclens.Client, tmp_path: Path
) -> None:
    """L21: the window fills and no more is pulled; what was answered is durable before anybody has seen it."""
    store, pulled = tmp_path / "run.sqlite", []

    def endless() -> Iterator[bytes]:
        for number in range(100_000):
            pulled.append(number)
            yield pictures(1, first=number % 200)[0]

    with client.scan(endless(), store=store, concurrency=4) as scan:
        next(scan)
        until(lambda: look(store)["answered"] >= 20, "answers that nobody took")
        seen = len(pulled)
        assert seen <= 2 * 4 + 4 * 32 + 64 + 1
        time.sleep(0.05)
        assert len(pulled) == seen
        assert scan.summary.items == 1
        assert scan.summary.billed_calls <= charged(emulator)
    assert look(store)["billed"] == charged(emulator)
    assert scan.summary.billed_calls == charged(emulator), "the last ones are counted too"


def test_large_images_in_memory_are_bounded_by_their_bytes(emulator: Emulator, client: aigclens.Client) -> None:
    """I23: 100 images of 15 MB; no more of them are pulled ahead than 256 MiB and what one turn takes."""
    emulator.fault(stage="before_billing", action="stall", operation="PutObject", seconds=50)
    padding, pulled = bytes(15_000_000), []

    def large() -> Iterator[bytes]:
        for number, data in enumerate(pictures(100)):
            pulled.append(number)
            yield data + padding

    scan = client.with_options(timeout=50.0, max_retries=0).scan(large(), concurrency=4)

    def iterate() -> None:
        with pytest.raises(aigclens.StoreError, match="closed"):
            next(scan)

    thread = threading.Thread(target=iterate)
    thread.start()
    until(lambda: len(pulled) >= 18, "the filling of the window")
    time.sleep(0.3)
    assert len(pulled) <= 256 * 2**20 // len(padding) + 2
    scan._native.close(0.0)
    thread.join(60)
    assert not thread.is_alive()


def test_two_scans_at_once_and_scans_on_threads(emulator: Emulator, client: aigclens.Client, tmp_path: Path) -> None:
    """Two stores are two scans; one store is one scan's at a time."""
    with client.scan(pictures(5), store=tmp_path / "a") as one, client.scan(pictures(5), store=tmp_path / "b") as two:
        with pytest.raises(aigclens.StoreLocked, match="this process"):
            client.scan(pictures(5), store=tmp_path / "a")
        pairs = list(zip(one, two, strict=True))
    assert len(pairs) == 5
    assert charged(emulator) == 10, "each store pays for itself"
    rows: list[int] = []
    threads = [
        threading.Thread(target=lambda: rows.append(sum(row.ok for row in client.detect_many(pictures(20)))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert rows == [20] * 4


@pytest.mark.parametrize("name", ["ein lauf ü 图片.sqlite", b"bytes.sqlite", "#?%&.db"])
def test_odd_names_of_stores(client: aigclens.Client, tmp_path: Path, name: str | bytes) -> None:
    where: Any = os.path.join(os.fsencode(tmp_path), name) if isinstance(name, bytes) else tmp_path / name
    for is_cached in (False, True):
        with client.scan(pictures(1), store=where) as scan:
            assert [row.cached for row in scan] == [is_cached]
    assert Path(os.fsdecode(where)).stat().st_size > 0
    assert isinstance(scan.summary.store, str)
    assert os.fsdecode(name) in os.listdir(tmp_path)


def test_observers_hear_of_a_scans_calls(emulator: Emulator) -> None:
    heard: list[tuple[str, bool]] = []
    main = threading.get_ident()

    def hear(event: Any) -> None:
        heard.append((type(event).__name__, threading.get_ident() == main))

    with emulator.client(qps=None, on_event=hear) as client:
        assert all(row.ok for row in client.scan(pictures(3)))
    assert all(is_main for _, is_main in heard)
    assert len(heard) >= 6


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_200_scans_leave_nothing_behind(client: aigclens.Client, tmp_path: Path) -> None:
    """Threads, descriptors and memory of Python are as before."""

    def count() -> tuple[int, int, int]:
        gc.collect()
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), len(gc.get_objects())

    images = pictures(2)

    def some(times: int) -> None:
        for number in range(times):
            scan = client.scan(images, store=tmp_path / "run.sqlite" if number % 2 else None)
            if number % 3:
                list(scan)
            else:
                next(scan)

    some(20)
    before = count()
    some(200)
    after = count()
    assert after[0] <= before[0] + 4
    assert after[1] <= before[1] + 4
    assert after[2] <= before[2] + 200


def test_progress_that_raises_or_blocks_costs_nothing(
    emulator: Emulator, client: aigclens.Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """H17: it is reported once; while it blocks, answers become durable."""
    store, told = tmp_path / "run.sqlite", []

    def tell(progress: object) -> None:
        told.append(progress)
        if len(told) == 1:
            until(lambda: look(store)["answered"] == 20, "the writing of all answers")
        raise ZeroDivisionError("on purpose")

    with client.scan(pictures(20), store=store, progress=tell) as scan:
        assert sum(row.ok for row in scan) == 20
    assert len(told) >= 2
    assert sum("progress raised" in record.message for record in caplog.records) == 1
    assert charged(emulator) == 20


def test_stop_from_a_thread_and_from_the_progress(emulator: Emulator, client: aigclens.Client) -> None:
    slow(emulator, 0.2)
    scan = client.scan(pictures(100), concurrency=2)
    threading.Timer(0.3, scan.stop).start()
    rows = list(scan)
    assert len(rows) == charged(emulator) == scan.summary.billed_calls < 100
    assert (scan.summary.stopped, scan.state) == ("stopped", "over")
    before = charged(emulator)
    box: list[aigclens.Scan] = []
    box.append(client.scan(pictures(100), concurrency=2, progress=lambda _: box[0].stop()))
    rows = list(box[0])
    assert len(rows) == charged(emulator) - before < 100
