"""What a scan says of money, against the ledger of who charges."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import aigclens
from aigclens.testing import Emulator
from scan_stage import charged, look, pictures

FAULTS: dict[str, Any] = {
    "seed": 11,
    "rules": [
        {"stage": "after_billing", "action": "rst", "operation": "ImageModeration", "rate": 0.1},
        {"stage": "mid_body", "action": "fin", "operation": "ImageModeration", "rate": 0.05},
        {"stage": "before_billing", "action": "status", "operation": "ImageModeration", "rate": 0.05},
        {"stage": "before_billing", "action": "rst", "operation": "ImageModeration", "rate": 0.05},
        {"stage": "after_billing", "action": "truncate", "operation": "ImageModeration", "rate": 0.03},
    ],
}


async def rows_of(emulator: Emulator, door: str, **options: Any) -> tuple[list[Any], Any, BaseException | None]:
    """All rows of a scan by one of both doors, its summary, and how it ended."""
    rows: list[Any] = []
    try:
        if door == "sync":
            with emulator.client(qps=None) as client, client.scan(pictures(150), **options) as scan:
                for row in scan:
                    rows.append(row)
        else:
            async with emulator.async_client(qps=None) as client, client.scan(pictures(150), **options) as scan:
                async for row in scan:
                    rows.append(row)
    except aigclens.AigcError as error:
        return rows, scan.summary, error
    return rows, scan.summary, None


@pytest.mark.parametrize("door", ["sync", "async"])
async def test_rows_summary_and_store_agree_with_the_ledger(emulator: Emulator, tmp_path: Path, door: str) -> None:
    """What is said to be billed was; what was charged is said to be so, or possibly so."""
    store = tmp_path / "run.sqlite"
    emulator.faults(FAULTS)
    rows, summary, error = await rows_of(emulator, door, store=store, patience=60.0)
    assert error is None
    assert len(rows) == 150
    paid = charged(emulator)
    billed, possibly = summary.billed_calls, summary.possibly_billed_calls
    assert billed <= paid <= billed + possibly
    assert possibly > 0
    assert sum(row.ok for row in rows) <= billed
    assert sum(row.billing != "not_billed" for row in rows) <= billed + possibly
    assert not any(row.ok and row.billing != "billed" for row in rows)
    known = look(store)
    assert (known["billed"], known["possibly_billed"], known.get("intent", 0)) == (billed, possibly, 0)


@pytest.mark.parametrize("door", ["sync", "async"])
async def test_the_budget_holds_at_every_instant(emulator: Emulator, tmp_path: Path, door: str) -> None:
    """M01, M02: 16 calls at once under faults, over several runs: the ledger is never above the budget."""
    store = tmp_path / "run.sqlite"
    emulator.faults(FAULTS)
    seen, done = [0], threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(charged(emulator))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        for budget in (40, "0.048 USD", "90 calls", 90):
            _, summary, error = await rows_of(emulator, door, store=store, budget=budget, patience=60.0)
            limit = {40: 40, "0.048 USD": 80}.get(budget, 90)
            assert isinstance(error, aigclens.BudgetExceeded)
            assert charged(emulator) <= limit
            assert summary.left == 0
            assert "larger budget" in summary.resume
    finally:
        done.set()
        watching.join(60)
    assert max(seen) <= 90
    known = look(store)
    assert known["billed"] + known["possibly_billed"] == 90
    before = charged(emulator)
    emulator.clear_faults()
    rows, summary, error = await rows_of(emulator, door, store=store)
    assert error is None
    assert sum(row.ok for row in rows) == sum(row.cached for row in rows) + charged(emulator) - before


@pytest.mark.parametrize("budget", [0, "0 USD", "0 calls", "0.0005 USD"])
def test_a_budget_of_nothing_sends_nothing(
    emulator: Emulator, client: aigclens.Client, tmp_path: Path, budget: Any
) -> None:
    """M03."""
    scan = client.scan(pictures(3), store=tmp_path / "run.sqlite", budget=budget)
    with pytest.raises(aigclens.BudgetExceeded):
        next(scan)
    assert not [one for one in emulator.requests() if one["action"] == "ImageModeration"]
    with pytest.raises(StopIteration):
        next(scan)


def test_a_poisoned_image_is_left_alone_in_the_end(
    emulator: Emulator, client: aigclens.Client, tmp_path: Path
) -> None:
    """L19: it is asked about in so many runs, and then no more; every run ends."""
    store = tmp_path / "run.sqlite"
    emulator.fault(stage="before_billing", action="refuse", code="InternalError", status=500, operation="ImageModeration")
    asking = client.with_options(max_retries=0)
    before, asked = -1, 0
    for _ in range(12):
        with asking.scan(pictures(1), store=store, retry="errors", patience=1.0) as scan:
            try:
                assert not any(row.ok for row in scan)
            except aigclens.ScanPaused:
                pytest.fail("one image is no outage")
        before, asked = asked, sum(one["action"] == "ImageModeration" for one in emulator.requests())
    assert asked == before, "the last run asked nobody"
    assert asked <= 3 * 6
    assert charged(emulator) == 0


def test_live_counts_never_say_too_much(emulator: Emulator, client: aigclens.Client, tmp_path: Path) -> None:
    """While a scan goes on, its summary has no call that nobody made."""
    with client.scan(pictures(80), store=tmp_path / "run.sqlite", budget=200) as scan:
        for row in scan:
            assert row.ok
            billed, left = scan.summary.billed_calls, scan.summary.left
            assert billed <= charged(emulator)
            assert left == (200 - billed) * 600
    assert scan.summary.billed_calls == 80
