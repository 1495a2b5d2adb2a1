"""How a scan ends, and what it refuses to begin with."""

from __future__ import annotations

import asyncio
import copy
import io
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aigclens
from aigclens.testing import Emulator
from scan_stage import charged, look, pictures, slow


@pytest.mark.parametrize("ending", [ValueError("on purpose"), KeyboardInterrupt()])
def test_what_the_input_raises_comes_once_and_last(
    emulator: Emulator, client: aigclens.Client, tmp_path: Path, ending: BaseException
) -> None:
    """L22: an error after the rows of everything before it, with its traceback; an interrupt at once."""
    store = tmp_path / "run.sqlite"

    def images() -> Iterator[bytes]:
        yield from pictures(7)
        raise ending

    scan, rows = client.scan(images(), store=store), []
    with pytest.raises(type(ending)) as caught:
        for row in scan:
            rows.append(row)
    assert caught.value is ending
    assert any(frame.name == "images" for frame in traceback.extract_tb(caught.value.__traceback__))
    if isinstance(ending, ValueError):
        assert len(rows) == 7
        assert list(scan) == []
        assert scan.summary.stopped == "ValueError: on purpose"
    assert look(store).get("billed", 0) == charged(emulator)
    assert scan.summary.billed_calls == charged(emulator)
    assert [row.ok for row in client.scan(pictures(7), store=store)] == [True] * 7, "the store is free"
    assert charged(emulator) == 7


def test_break_and_at_once_another_scan_of_the_same_store(
    emulator: Emulator, client: aigclens.Client, tmp_path: Path
) -> None:
    """Left by `break`, by an exception in the body, by `del`, and with `with`: the store is free each time."""
    store = tmp_path / "run.sqlite"
    slow(emulator, 0.05)
    for _ in client.scan(pictures(40), store=store):
        break
    with pytest.raises(ZeroDivisionError):
        for _ in client.scan(pictures(40), store=store):
            raise ZeroDivisionError
    scan = client.scan(pictures(40), store=store)
    next(scan)
    del scan
    with client.scan(pictures(40), store=store) as held:
        next(held)
    assert held.summary.stopped == "closed before its end"
    assert held.summary.resume is not None
    assert held.state == "over"
    with pytest.raises(aigclens.StoreError, match="closed"):
        next(held)
    assert look(store)["billed"] == look(store)["answered"] == charged(emulator)
    assert sum(row.ok for row in client.scan(pictures(40), store=store)) == 40
    assert charged(emulator) == 40


def test_nothing_to_scan(emulator: Emulator, client: aigclens.Client, tmp_path: Path) -> None:
    told: list[Any] = []
    with client.scan([], store=tmp_path / "run.sqlite", progress=told.append) as scan:
        assert list(scan) == list(scan) == []
    assert told[-1].state == "over"
    assert (scan.summary.items, scan.summary.stopped, charged(emulator)) == (0, None, 0)
    (tmp_path / "empty").mkdir()
    assert list(client.scan(tmp_path / "empty")) == []


def test_a_client_that_is_closed(emulator: Emulator, tmp_path: Path) -> None:
    """H16: before a scan it is refused; in a scan it ends it, once what is in flight has its row."""
    store = tmp_path / "run.sqlite"
    client = emulator.client(qps=None)
    client.close()
    with pytest.raises(aigclens.ClientClosed):
        client.scan(pictures(1), store=store)
    assert not store.exists()
    client, rows = emulator.client(qps=None), []
    slow(emulator, 0.1)
    with pytest.raises(aigclens.ClientClosed):
        for row in client.scan(pictures(150), store=store, concurrency=2):
            rows.append(row)
            client.close()
    assert 1 <= len(rows) == charged(emulator) == look(store)["answered"] < 150


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"concurrency": "4"}, "concurrency"),
        ({"concurrency": 0}, "1 to 256"),
        ({"concurrency": 257}, "1 to 256"),
        ({"concurrency": None}, "concurrency"),
        ({"ordered": "yes"}, "ordered"),
        ({"budget": 1.5}, "budget"),
        ({"budget": -1}, "budget"),
        ({"budget": "five"}, "budget"),
        ({"retry": "all"}, "retry"),
        ({"retry": 3}, "retry"),
        ({"data_id": "name"}, "data_id"),
        ({"data_id": 3}, "data_id"),
        ({"patience": "x"}, "patience"),
        ({"patience": 0}, "patience"),
        ({"patience": float("nan")}, "patience"),
        ({"progress": 3}, "progress"),
        ({"store": 3}, "store"),
        ({"glob": 3}, "glob"),
        ({"exclude": 3}, "exclude"),
        ({"carry": 3}, "carry"),
        ({"root": 3}, "root"),
        ({"key_column": 3}, "key_column"),
        ({"url_column": 3}, "url_column"),
        ({"follow_symlinks": 3}, "follow_symlinks"),
    ],
)
def test_options_of_the_wrong_kind(client: aigclens.Client, tmp_path: Path, options: dict[str, Any], says: str) -> None:
    """M03, M10: refused at once, in one line, in the caller's words; and the store is not left locked."""
    store = tmp_path / "run.sqlite"
    with pytest.raises(aigclens.ConfigError, match=says) as caught:
        client.scan(pictures(1), **{"store": store, **options})
    text = str(caught.value)
    assert "\n" not in text
    assert not any(word in text for word in ("Some(", "::", "extract", "i64", "u64", "f64", "argument"))
    assert len(list(client.scan(pictures(1), store=store))) == 1


def test_unknown_options_are_named(emulator: Emulator, client: aigclens.Client) -> None:
    with pytest.raises(TypeError, match="concurency"):
        client.scan(pictures(1), concurency=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"no option concurency=; did you mean concurrency=\?"):
        aigclens.scan(pictures(1), concurency=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="qps"):
        aigclens.scan(pictures(1), client=client, qps=3)
    with pytest.raises(TypeError, match="concurency"):
        aigclens.ascan(pictures(1), client=emulator.async_client(), concurency=3)  # type: ignore[call-arg]
    rows = list(aigclens.scan(pictures(1), client=client, service="aigcDetector_cb", data_id="key"))
    assert [row.service for row in rows] == ["aigcDetector_cb"]
    assert not client.closed, "the client is the caller's"


def test_a_scan_does_not_pickle_and_says_what_it_is(emulator: Emulator, client: aigclens.Client) -> None:
    with client.scan(pictures(2)) as scan:
        for copied in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="does not pickle"):
                copied(scan)
        assert repr(scan) == "<Scan 0 items, running>"
        rows = list(scan)
        assert repr(scan) == "<Scan 2 items, over>"
    assert pickle.loads(pickle.dumps(rows)) == rows

    async def asynchronous() -> str:
        async with emulator.async_client() as other, other.scan(pictures(1)) as scan:
            with pytest.raises(TypeError, match="does not pickle"):
                pickle.dumps(scan)
            return repr(scan)

    assert asyncio.run(asynchronous()) == "<AsyncScan 0 items, running>"


class Broken(io.RawIOBase):
    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def read(self, size: int = -1) -> bytes:
        raise self.problem


def test_one_image_that_its_owner_cannot_give_is_one_row(client: aigclens.Client) -> None:
    """Whatever an object raises when it is read: the others have their rows, and the scan ends as usual."""
    good = pictures(2)
    bad = [Broken(OSError(5, "Input/output error")), Broken(ValueError("two\nlines")), object(), None]
    rows = list(client.scan([("a", good[0]), *[(f"bad{n}", one) for n, one in enumerate(bad)], ("b", good[1])]))
    failed = {row.key: row.error for row in rows if not row.ok}
    assert len(rows) == 6
    assert sorted(failed) == ["bad0", "bad1", "bad2", "bad3"]
    assert "Input/output error" in str(failed["bad0"])
    assert "ValueError: two lines" in str(failed["bad1"])
    assert all(row.error and "\n" not in row.error and row.billing == "not_billed" for row in rows if not row.ok)
