"""Identical bytes are paid for once per store, however often they come and under whatever names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import aigclens
import images
from aigclens.store import Store
from aigclens.testing import Emulator

ITEMS = 2_000


def test_half_duplicates_cost_half_and_a_second_run_nothing(tmp_path: Path, emulator: Emulator) -> None:
    """I21, L01, L02: the unique half is asked about, every item has its answer, and it stays so."""
    folder, store = tmp_path / "images", tmp_path / "run.sqlite"
    for part in ("a", "b"):
        (folder / part).mkdir(parents=True)
        for number in range(ITEMS // 2):
            (folder / part / f"{number:05}.png").write_bytes(images.png(64, 64, text={"number": str(number)}))
    with emulator.client(qps=None, check_image="off") as client:
        with aigclens.scan(folder, store=store, client=client, concurrency=64) as scan:
            rows = list(scan)
        assert emulator.ledger().billed == ITEMS // 2
        assert len({row.key for row in rows}) == len(rows) == ITEMS and all(row.ok for row in rows)
        asked = {row.blake3: row for row in rows if row.duplicate_of is None}
        assert len(asked) == ITEMS // 2
        for row in rows:
            first = asked[row.blake3]
            assert row.request_id == first.request_id and row.label == first.label and not row.cached
            assert (row is first) == (row.billing == "billed") == (row.duplicate_of != first.key)
        assert Counter(row.billing for row in rows) == {"billed": ITEMS // 2, "not_billed": ITEMS // 2}
        summary = scan.summary.to_dict()
        assert (summary["billed"]["calls"], summary["duplicates"]) == (ITEMS // 2, ITEMS // 2)
        # Under other names, and with another store's worth of new ones: only what is new is paid for.
        (folder / "c").mkdir()
        (folder / "c" / "new.png").write_bytes(images.png(64, 64, text={"number": "new"}))
        (folder / "c" / "old.png").write_bytes(images.png(64, 64, text={"number": "0"}))
        with aigclens.scan(folder, store=store, client=client, concurrency=64) as scan:
            again = {row.key: row for row in scan}
        assert emulator.ledger().billed == ITEMS // 2 + 1
        assert [key for key, row in again.items() if not row.cached] == ["c/new.png"]
        assert {row.key: row.request_id for row in rows} == {row.key: again[row.key].request_id for row in rows}
        with aigclens.scan(folder, store=store, client=client) as scan:
            assert sum(row.cached for row in scan) == ITEMS + 2
        requests = len(emulator.requests())
    assert emulator.ledger().billed == ITEMS // 2 + 1 and requests == len(emulator.requests())
    with Store(store) as kept:
        assert kept.verify() == []
        assert (kept.info().items, kept.info().answered) == (ITEMS + 2, ITEMS // 2 + 1)


def test_another_store_pays_again_and_none_at_all_knows_itself(tmp_path: Path, emulator: Emulator) -> None:
    """I21: once per store; without one, once per scan."""
    for number in range(20):
        (tmp_path / f"{number}.png").write_bytes(images.png(64, 64, text={"number": str(number % 10)}))
    with emulator.client(qps=None, check_image="off") as client:
        for already, store in enumerate((tmp_path / "a.sqlite", tmp_path / "b.sqlite", None, None)):
            with aigclens.scan(tmp_path, store=store, client=client, glob="*.png") as scan:
                assert sum(row.ok for row in scan) == 20
            assert emulator.ledger().billed == 10 * (already + 1)
