"""Parquet through pyarrow (extra `arrow`): typed columns, written a row group at a time."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigclens.errors import ConfigError
from aigclens.report.jsonl import text as as_json
from aigclens.scanning.rows import COLUMNS

if TYPE_CHECKING:
    from aigclens.report.files import Replacement
    from aigclens.scanning.rows import ScanRow

__all__ = ["Parquet", "rows_of_ours", "schema"]

# Rows that are held in memory before they are written as one group.
_GROUP = 16_384
_MARK = b"aigclens"


def _pyarrow() -> Any:
    try:
        pyarrow = import_module("pyarrow")
        import_module("pyarrow.parquet")
    except ImportError:
        raise ConfigError("Parquet needs pyarrow: pip install 'aigclens[arrow]'; .jsonl and .csv do not") from None
    return pyarrow


def schema() -> Any:
    """The columns and their types, as a `pyarrow.Schema`. What was carried along follows them."""
    pa = _pyarrow()
    text, number, flag = pa.string(), pa.float64(), pa.bool_()
    types = {
        "ok": flag,
        "disagrees": flag,
        "is_aigc": flag,
        "cached": flag,
        "confidence": number,
        "latency_ms": number,
        "evidence": pa.list_(text),
        "detected_at": pa.timestamp("ms", tz="UTC"),
    }
    return pa.schema([pa.field(name, types.get(name, text)) for name in COLUMNS])


class Parquet:
    """A file that is there when it is complete.

    The types of what was carried along are those of the first rows. Where later ones have other types or other columns,
    what was written is written again with that column as text (JSON for what is no text): nothing is dropped.
    """

    def __init__(self, place: Replacement) -> None:
        self._pa = _pyarrow()
        self._place = place
        self._rows: list[dict[str, Any]] = []
        self._schema: Any = None
        self._writer: Any = None
        self._sink: Any = None
        self.rows = 0

    def write(self, row: ScanRow) -> None:
        """Takes a row, which waits in memory for its group."""
        facts = row.to_dict()
        if facts["detected_at"] is not None:
            facts["detected_at"] = datetime.fromisoformat(facts["detected_at"].replace("Z", "+00:00"))
        self._rows.append(facts)
        self.rows += 1
        if len(self._rows) >= _GROUP:
            self._flush()

    def close(self) -> None:
        """Writes the last group and the file's end."""
        if self._rows or self._writer is None:
            self._flush()
        self._finish()

    def abandon(self) -> None:
        """Lets go of the file, which is not wanted."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._finish()

    def _finish(self) -> None:
        try:
            self._writer.close()
        finally:
            self._sink.close()

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        wanted = self._wanted(rows)
        if self._writer is None:
            self._open(wanted)
        elif wanted != self._schema:
            self._again(wanted)
        self._writer.write_table(self._table(rows, wanted))

    def _wanted(self, rows: list[dict[str, Any]]) -> Any:
        """The schema that takes these rows and those before."""
        pa = self._pa
        fields = {field.name: field for field in (self._schema or schema())}
        ours = len(COLUMNS)
        names = dict.fromkeys(name for facts in rows for name in list(facts)[ours:]) if any(map(_is_wide, rows)) else {}
        for name in names:
            known = fields.get(name)
            # A column of nothing so far may become anything.
            old = None if known is None or pa.types.is_null(known.type) else known.type
            fields[name] = pa.field(name, self._type([facts.get(name) for facts in rows], old))
        return pa.schema(list(fields.values()), metadata={_MARK: b"scan"})

    def _type(self, values: list[Any], old: Any) -> Any:
        pa = self._pa
        if old is not None and pa.types.is_string(old):
            return old
        try:
            found = pa.array(values, type=old).type
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return pa.string()
        # A dictionary's type is that of the dictionaries seen so far: the next one has other names.
        return pa.string() if pa.types.is_nested(found) and not pa.types.is_list(found) else found

    def _table(self, rows: list[dict[str, Any]], wanted: Any) -> Any:
        pa = self._pa
        columns = []
        for field in wanted:
            values: list[Any] = [facts.get(field.name) for facts in rows]
            if pa.types.is_string(field.type):
                values = [_text(value) for value in values]
            elif field.name == "evidence":
                values = [[_text(part) for part in value] for value in values]
            columns.append(pa.array(values, type=field.type))
        return pa.Table.from_arrays(columns, schema=wanted)

    def _open(self, wanted: Any) -> None:
        self._schema = wanted
        self._sink = os.fdopen(os.dup(self._place.file), "wb")
        self._writer = self._pa.parquet.ParquetWriter(self._sink, wanted, compression="zstd")

    def _again(self, wanted: Any) -> None:
        """Writes what there is once more under another schema, a row group at a time."""
        pa = self._pa
        self._finish()
        with os.fdopen(os.dup(self._place.file), "rb") as reader:
            narrow = pa.parquet.ParquetFile(reader)
            self._place.restart()
            self._open(wanted)
            for number in range(narrow.num_row_groups):
                group = narrow.read_row_group(number)
                columns = []
                for field in wanted:
                    at = group.schema.get_field_index(field.name)
                    if at < 0:
                        columns.append(pa.nulls(group.num_rows, field.type))
                    elif group.column(at).type == field.type or pa.types.is_null(group.column(at).type):
                        columns.append(group.column(at).cast(field.type))
                    else:
                        columns.append(pa.array([_text(value) for value in group.column(at).to_pylist()], field.type))
                self._writer.write_table(pa.Table.from_arrays(columns, schema=wanted))


def _is_wide(facts: dict[str, Any]) -> bool:
    return len(facts) > len(COLUMNS)


def _text(value: Any) -> str | None:
    """A value of a column of texts. What a file system's name has that is no text is shown as escapes."""
    if value is None:
        return None
    if not isinstance(value, str):
        value = as_json({"": value})[5:-1]
        # What JSON has no word for is a text already.
        value = value[1:-1] if value[:1] == '"' else value
    return str(value.encode("utf-8", "backslashreplace").decode())


def rows_of_ours(path: Path) -> int | None:
    """How many rows a Parquet file of ours has; `None` for another's."""
    pa = _pyarrow()
    try:
        with path.open("rb") as reader:
            facts = pa.parquet.ParquetFile(reader)
            is_ours = _MARK in (facts.schema_arrow.metadata or {})
            return int(facts.metadata.num_rows) if is_ours else None
    except (OSError, pa.ArrowException):
        return None
