"""What is counted by the core for many rows at once is what each row says; and at each moment it is exact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import aigclens
from aigclens.scanning.inputs import kinds
from aigclens.scanning.summary import Summary
from aigclens.testing import Emulator
from scan_stage import pictures

HOST = "https://images.example.com"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One that answers for URLs too, as many ways as there are."""
    with Emulator(qps=0, judge="hash") as running:
        yield running


def mixed(count: int) -> list[Any]:
    """URLs, images, equal ones, and what cannot be asked about."""
    urls: list[Any] = [f"{HOST}/{number}.png" for number in range(count)]
    urls[3::7] = [f"{HOST}/same.png"] * len(urls[3::7])
    urls[5::11] = [f"{HOST}/{number}.tar" for number in range(len(urls[5::11]))]
    urls[8::13] = [(f"key {number}", f"{HOST}/named/{number}") for number in range(len(urls[8::13]))]
    return urls + pictures(3) + [b"no image", "https://", ""]


def counts(summary: Summary) -> dict[str, Any]:
    """What rows are counted by; the calls are the ledger's."""
    facts = summary.to_dict()
    names = "items ok failed cached duplicates declared disagreements errors labels confidence label_confidence engines"
    return {name: facts[name] for name in (*names.split(), "not_billed")}


@pytest.mark.parametrize("every", [0, 1, 3, 1_000])
def test_a_summary_is_what_its_rows_come_to(client: aigclens.Client, every: int) -> None:
    """However often somebody looks: after each row, after some, at the end of a batch, or never."""
    by_hand = Summary()
    with client.detect_many(mixed(300), concurrency=8) as scan:
        for number, row in enumerate(scan, 1):
            by_hand.add(row)
            if every and number % every == 0:
                assert scan.summary.items == number
                assert counts(scan.summary) == counts(by_hand)
    assert counts(scan.summary) == counts(by_hand)
    assert by_hand.duplicates and by_hand.errors and by_hand.not_billed
    assert scan.summary.items == 306


def test_rows_that_were_not_handed_out_are_not_counted(emulator: Emulator, client: aigclens.Client) -> None:
    scan = client.detect_many([f"{HOST}/{number}.png" for number in range(100)])
    rows = [row for _, row in zip(range(7), scan, strict=False)]
    assert scan.summary.items == 7
    scan.close()
    assert (scan.summary.items, scan.summary.ok, len(rows)) == (7, 7, 7)
    assert scan.summary.billed_calls == emulator.ledger().billed > 7


def test_asynchronous_rows_are_counted_too(emulator: Emulator) -> None:
    async def source() -> AsyncIterator[str]:
        for number in range(40):
            yield f"{HOST}/{number}.png"

    async def work() -> None:
        async with emulator.async_client(qps=None) as client:
            for given in (source(), mixed(100)):
                by_hand = Summary()
                async with client.detect_many(given) as scan:
                    async for row in scan:
                        by_hand.add(row)
                        assert scan.summary.items == by_hand.items
                    assert counts(scan.summary) == counts(by_hand)
                async with client.detect_many(mixed(100)) as scan:
                    async for _ in scan:
                        break
                assert scan.summary.items == 1

    asyncio.run(work())


def test_equal_rows_of_a_run_stay_equal(client: aigclens.Client) -> None:
    """Rows that are made together share texts and labels; they are values all the same."""
    rows = list(client.detect_many([f"{HOST}/{number}.png" for number in range(50)], ordered=True))
    assert [row.key for row in rows] == [row.source for row in rows] == [f"{HOST}/{n}.png" for n in range(50)]
    assert len({row.request_id for row in rows}) == 50
    assert {len(row.detected_at or "") for row in rows} == {len("2026-01-01T00:00:00.000Z")}


@pytest.mark.parametrize("ending", [*kinds._ARCHIVES, *kinds._LISTS, ".csv.gz", ".parquet"])
def test_a_url_of_many_images_is_not_one(client: aigclens.Client, ending: str) -> None:
    """Neither where it is the only one, nor between others, in whatever letters."""
    urls = [f"{HOST}/a.png", f"{HOST}/b{ending.upper()}?c=d", f"{HOST}/b{ending}?c=d", f"{HOST}/c.png?d={ending}"]
    rows = list(client.detect_many(urls, ordered=True))
    assert [row.ok for row in rows] == [True, False, False, True]
    assert [row.key for row in rows] == urls


def test_what_an_iterator_raises_comes_after_the_rows_before_it(client: aigclens.Client) -> None:
    """L22: also where its elements are taken many at a time."""

    def urls() -> Iterator[Any]:
        yield from (f"{HOST}/{number}.png" for number in range(70))
        yield ("named", f"{HOST}/named.png", {"column": 1})
        yield from (f"{HOST}/later/{number}.png" for number in range(5))
        raise OSError("the table is gone")

    rows = []
    with pytest.raises(OSError, match="the table is gone"):
        for row in client.detect_many(urls(), ordered=True):
            rows.append(row)
    assert len(rows) == 76
    assert [(number, row.extra) for number, row in enumerate(rows) if row.extra] == [(70, {"column": 1})]


def test_lines_of_an_open_file_are_urls(client: aigclens.Client, tmp_path: Path) -> None:
    place = tmp_path / "urls"
    place.write_text("".join(f"{HOST}/{number}.png\n\n" for number in range(5)))
    with place.open() as lines:
        assert len(list(client.detect_many(lines))) == 5
