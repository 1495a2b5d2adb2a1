"""Parquet: typed columns, in bounded memory, whatever was carried along."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from aigclens.report import parquet, write
from aigclens.scanning.rows import COLUMNS, ScanRow
from scan_rows import answered, failed

pq = pytest.importorskip("pyarrow.parquet")


def written(path: Path, *rows: ScanRow) -> Any:
    write(rows, path, force=True)
    return pq.read_table(path)


def test_the_schema_is_fixed(tmp_path: Path) -> None:
    rows = [answered("a.png", evidence=("x", "y")), failed("b\udcff.png")]
    for table in (written(tmp_path / "out.parquet", *rows), written(tmp_path / "out.parquet")):
        types = {field.name: str(field.type) for field in table.schema}
        assert tuple(types) == COLUMNS
        assert types.pop("evidence").startswith("list<") and types.pop("detected_at") == "timestamp[ms, tz=UTC]"
        assert {name for name, kind in types.items() if kind == "bool"} == {"ok", "is_aigc", "cached", "disagrees"}
        assert {name for name, kind in types.items() if kind == "double"} == {"confidence", "latency_ms"}
        assert set(types.values()) == {"bool", "double", "string"}
    one, other = written(tmp_path / "out.parquet", *rows).to_pylist()
    assert one["detected_at"] == datetime.datetime(2026, 11, 24, 10, 0, 0, 123000, tzinfo=datetime.timezone.utc)
    assert (one["evidence"], one["confidence"], one["is_aigc"]) == (["x", "y"], 97.25, True)
    assert (other["key"], other["evidence"], other["detected_at"], other["ok"]) == ("b\\udcff.png", [], None, False)


def test_what_is_carried_along_has_its_types(tmp_path: Path) -> None:
    day = datetime.date(2026, 1, 2)
    extra = {
        "n": 7,
        "f": 0.5,
        "s": "x",
        "b": True,
        "day": day,
        "tags": ["p"],
        "deep": {"a": [1]},
        "none": None,
        "raw": b"\0",
    }
    table = written(tmp_path / "out.parquet", answered("a.png", extra=extra), answered("b.png"))
    types = {field.name: str(field.type) for field in table.schema}
    assert [types[name] for name in ("n", "f", "s", "b", "day", "raw")] == [
        "int64", "double", "string", "bool", "date32[day]", "binary",
    ]  # fmt: skip
    one, other = table.to_pylist()
    assert [one[name] for name in extra] == [7, 0.5, "x", True, day, ["p"], '{"a": [1]}', None, b"\0"]
    assert {other[name] for name in extra} == {None}


def test_row_groups_and_types_that_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost where later rows have other types or other columns; memory holds a group of rows at most."""
    monkeypatch.setattr(parquet, "_GROUP", 3)
    path = tmp_path / "out.parquet"
    extras: list[dict[str, Any]] = [
        {}, {}, {}, {"n": 1}, {"n": 2}, {"n": 3}, {"n": "four"}, {"n": 5, "new": True}, {},
        {"n": None, "late": {"x": 1}},
        {"n": 2**70}, {"new": "yes", "empty": None}, {"empty": 3}, {"new": ["a", 1]},
    ]  # fmt: skip
    table = written(path, *(answered(f"{number}.png", extra=extra) for number, extra in enumerate(extras)))
    assert pq.ParquetFile(path).num_row_groups == 5
    rows = table.to_pylist()
    assert [row["key"] for row in rows] == [f"{number}.png" for number in range(len(extras))]
    assert [row["n"] for row in rows] == [
        None, None, None, "1", "2", "3", "four", "5", None, None, str(2**70), None, None, None,
    ]  # fmt: skip
    assert [row["new"] for row in rows[7:]] == ["true", None, None, None, "yes", None, '["a", 1]']
    assert [row["late"] for row in rows[8:11]] == [None, '{"x": 1}', None]
    assert [row["empty"] for row in rows[-3:]] == [None, 3, None]
    assert parquet.rows_of_ours(path) == len(extras)
    assert [one.name for one in tmp_path.iterdir()] == ["out.parquet"]


def test_without_pyarrow_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from aigclens import ConfigError

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"aigclens\[arrow\]"):
        write([], tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_parquet_file_of_others_is_not_ours(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    path = tmp_path / "urls.parquet"
    pq.write_table(pa.table({"key": ["a"]}), path)
    assert parquet.rows_of_ours(path) is None
