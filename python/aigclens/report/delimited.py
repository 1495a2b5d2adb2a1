"""CSV by RFC 4180, UTF-8, with cells that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import os
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigclens.report.files import Replacement, write_whole
from aigclens.report.jsonl import text as as_json
from aigclens.scanning.rows import COLUMNS

if TYPE_CHECKING:
    from aigclens.scanning.rows import ScanRow

__all__ = ["Csv", "guarded", "rows_of_ours"]

# What nobody sees at the beginning of a cell, beside what Unicode calls white space.
_UNSEEN = "\ufeff\u200b\u200c\u200d\u2060"


def guarded(cell: str) -> str:
    """A text that a spreadsheet shows instead of acting on it: one that begins like a formula has `'` before it.

    That is `=`, `+`, `-` and `@`, also in their wide forms and behind blanks, and what begins with a tab or a line end.
    """
    if not cell:
        return cell
    first = cell[0]
    if first.isalnum():
        return cell
    seen = cell
    while seen and (seen[0].isspace() or seen[0] in _UNSEEN):
        seen = seen[1:]
    if first in "\t\r\n" or (seen and unicodedata.normalize("NFKC", seen[0]) in "=+-@"):
        return "'" + cell
    return cell


class Csv:
    """A table whose first line names the columns; those that were carried along follow ours."""

    def __init__(self, place: Replacement, *, guard: bool = True) -> None:
        self._place = place
        self._guard = guarded if guard else str
        self._extras: list[str] = []
        # How many of them the heading names, and how many each row has from the one of that number on.
        self._named = -1
        self._widths: list[tuple[int, int]] = []
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer)
        self.rows = 0

    def write(self, row: ScanRow) -> None:
        """Takes a row, which may wait in memory for others."""
        facts = row.to_dict()
        if len(facts) > len(COLUMNS):
            known = set(self._extras)
            self._extras += [name for name in facts if name not in _COLUMNS and name not in known]
        if self._named < 0:
            self._heading()
        if not self._widths or self._widths[-1][1] != len(self._extras):
            self._widths.append((self.rows, len(self._extras)))
        self._writer.writerow([self._cell(facts.get(name)) for name in (*COLUMNS, *self._extras)])
        self.rows += 1
        if self._buffer.tell() > 1 << 18:
            self._flush()

    def close(self) -> None:
        """Writes what has waited."""
        if self._named < 0:
            self._heading()
        self._flush()
        if self._named < len(self._extras):
            self._widen()

    def _heading(self) -> None:
        # A name of the input's may be a formula too.
        self._writer.writerow([*COLUMNS, *map(self._guard, self._extras)])
        self._named = len(self._extras)

    def _cell(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return self._guard(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return repr(value)
        if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
            return self._guard("; ".join(value))
        if isinstance(value, dict | list | tuple):
            return as_json({"": value})[5:-1]
        return self._guard(str(value))

    def abandon(self) -> None:
        """Lets go of the file, which is not wanted."""

    def _flush(self) -> None:
        # A name of the file system that is no text is shown with its bytes as escapes.
        write_whole(self._place.file, self._buffer.getvalue().encode("utf-8", "backslashreplace"))
        self._buffer.seek(0)
        self._buffer.truncate()

    def _widen(self) -> None:
        """Writes it once more, since later rows had columns that the first had not."""
        with os.fdopen(os.dup(self._place.file), "rb") as narrow:
            narrow.seek(0)
            self._place.restart()
            records = _records(narrow)
            next(records)
            self._heading()
            self._flush()
            buffer = bytearray()
            widths = [*self._widths, (self.rows, 0)]
            for (start, width), (end, _) in pairwise(widths):
                missing = b"," * (len(self._extras) - width)
                for record in islice(records, end - start):
                    buffer += record[:-2] + missing + b"\r\n"
                    if len(buffer) > 1 << 18:
                        write_whole(self._place.file, bytes(buffer))
                        buffer.clear()
            write_whole(self._place.file, bytes(buffer))


def _records(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The records of a CSV file: a line end counts where no quotation is open."""
    record, is_open = b"", False
    for line in lines:
        record += line
        is_open ^= line.count(b'"') % 2 == 1
        if not is_open:
            yield record
            record = b""
    if record:
        yield record


def rows_of_ours(path: Path) -> int | None:
    """How many rows a CSV file of ours has; `None` for another's."""
    ours = ",".join(COLUMNS).encode()
    with path.open("rb") as reader:
        if reader.read(len(ours)) != ours or reader.read(1) not in (b",", b"\r"):
            return None
        reader.seek(0)
        return sum(1 for _ in _records(reader)) - 1


_COLUMNS = frozenset(COLUMNS)
