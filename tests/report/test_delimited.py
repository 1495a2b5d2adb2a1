"""CSV: what other programs read is what was written, and no spreadsheet acts on it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigclens.report import write
from aigclens.report.delimited import guarded
from aigclens.scanning.rows import COLUMNS, ScanRow
from scan_rows import answered, failed


def table(path: Path) -> list[list[str]]:
    text = path.read_bytes().decode()
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def written(path: Path, *rows: ScanRow, guard: bool = True) -> list[list[str]]:
    write(rows, path, guard=guard, force=True)
    return table(path)


FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\thello", "\rhello", "\nhello", "＝1+1", "＋1",
    "－1", "＠SUM",
    " =1", "\u00a0=1", "\u3000=1", " \u00a0 \t@x", "\ufeff=1", "\u200b+1", "=", "﹦1", "\x0b=1",
    "\u2003-cmd|' /C calc'!A0",
]  # fmt: skip
HARMLESS = ["", "a=1", "1-1", "'=1", "hello", " hello", "#x", "é=", "图+", "/a/b.png", "https://x/?a=1"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_formulas_are_guarded(tmp_path: Path, cell: str) -> None:
    """N03: in every column of texts, in what was carried along and its name; and not where that is not wanted."""
    row = failed(cell, source=cell, error=cell, extra={"caption": cell, cell: "x"}, evidence=(cell, "b"))
    heading, found = written(tmp_path / "out.csv", row)
    facts = dict(zip(heading, found, strict=True))
    assert [facts[name] for name in ("key", "source", "error", "caption")] == ["'" + cell] * 4
    assert facts["evidence"] == f"'{cell}; b"
    assert heading[-1] == "'" + cell
    heading, found = written(tmp_path / "out.csv", row, guard=False)
    facts = dict(zip(heading, found, strict=True))
    assert [facts[name] for name in ("key", "source", "error", "caption", cell)] == [cell] * 4 + ["x"]


@pytest.mark.parametrize("cell", HARMLESS)
def test_what_is_no_formula_is_as_it_was(cell: str) -> None:
    """N03."""
    assert guarded(cell) == cell


@given(st.text())
def test_no_guarded_text_begins_like_a_formula(cell: str) -> None:
    """N03: whatever it is."""
    assert not guarded(cell).lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert guarded(cell) in (cell, "'" + cell)


def test_the_table_is_that_of_the_rfc(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    rows = [
        answered('a,"b"\r\nc\n.png', confidence=-1.5, latency_ms=-0.25, evidence=("x", "y"), is_aigc=False),
        failed("é.png", extra={"n": -3, "f": 0.1, "b": True, "none": None, "list": ["p", "q"], "dict": {"a": [1]}}),
    ]
    heading, first, second = written(path, *rows)
    assert tuple(heading) == (*COLUMNS, "n", "f", "b", "none", "list", "dict")
    one, other = dict(zip(heading, first, strict=True)), dict(zip(heading, second, strict=True))
    assert one["key"] == 'a,"b"\r\nc\n.png'
    assert (one["confidence"], one["latency_ms"]) == ("-1.5", "-0.25"), "a negative number is no formula"
    assert (one["ok"], one["is_aigc"], one["cached"], one["error"], one["evidence"]) == (
        "true",
        "false",
        "false",
        "",
        "x; y",
    )
    assert (one["n"], one["dict"]) == ("", "")
    assert [other[name] for name in heading[len(COLUMNS) :]] == ["-3", "0.1", "true", "", "p; q", '{"a": [1]}']
    raw = path.read_bytes()
    assert raw.count(b"\r\n") == 6, "three records, and three cells of the first with one"
    assert not raw.startswith(b"\xef\xbb\xbf")


def test_later_columns_widen_the_table(tmp_path: Path) -> None:
    rows = [
        answered('a"\n.png'),
        answered("b.png", extra={"x": "line\r\nend"}),
        answered("c.png"),
        answered("d.png", extra={"y": '"'}),
    ]
    heading, *found = written(tmp_path / "out.csv", *rows)
    assert heading[len(COLUMNS) :] == ["x", "y"]
    assert [(one[0], *one[len(COLUMNS) :]) for one in found] == [
        ('a"\n.png', "", ""),
        ("b.png", "line\r\nend", ""),
        ("c.png", "", ""),
        ("d.png", "", '"'),
    ]
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]


def test_nothing_and_names_that_are_no_text(tmp_path: Path) -> None:
    assert written(tmp_path / "out.csv") == [list(COLUMNS)]
    _, found = written(tmp_path / "out.csv", answered("a\udcff.png"))
    assert found[0] == "a\\udcff.png"
