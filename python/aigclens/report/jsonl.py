"""JSON, one object a line: the output that grows while a scan runs, and goes on where it ended."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aigclens.errors import ConfigError
from aigclens.report.files import Replacement, checked, open_alone, write_whole
from aigclens.report.index import Index, of_facts, of_row
from aigclens.scanning.rows import COLUMNS

if TYPE_CHECKING:
    from aigclens.scanning.rows import ScanRow

__all__ = ["Jsonl", "JsonlExport", "text"]

# How each line of ours begins.
_BEGINNING = b'{"key": '
# The columns before rows said whether declaration and verdict disagree.
_EARLIER = tuple(name for name in COLUMNS if name != "disagrees")


def text(facts: dict[str, Any]) -> str:
    """One line of JSON, plain ASCII. What JSON has no word for is a text, and a number that is none is null."""
    try:
        return json.dumps(facts, allow_nan=False, default=str)
    except (ValueError, TypeError):
        return json.dumps(_plain(facts), allow_nan=False, default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


class JsonlExport:
    """A file that is there when it is complete."""

    def __init__(self, place: Replacement) -> None:
        self._place = place
        self._buffer = bytearray()

    def write(self, row: ScanRow) -> None:
        """Takes a row, which may wait in memory for others."""
        self._buffer += text(row.to_dict()).encode() + b"\n"
        if len(self._buffer) > 1 << 18:
            self._flush()

    def close(self) -> None:
        """Writes what has waited."""
        self._flush()

    def abandon(self) -> None:
        """Lets go of the file, which is not wanted."""

    def _flush(self) -> None:
        write_whole(self._place.file, bytes(self._buffer))
        self._buffer.clear()


class Jsonl:
    """A file that grows by a whole line for each row, and is continued when the same scan runs again.

    What the file has is kept: each of its lines is known by key and source, and by what it says. A row that says the
    same is not written again, so that `billing` stays what it was when the answer was paid for. One that says another
    thing (a failure that was asked again, a file that has changed) is appended, and the line that it takes the place of
    goes when the writer is closed. However often a scan is killed: after a run that came to its end each occurrence of
    a (key, source) stands there once. Lines of other inputs stay.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path, _ = checked(path)
        self._file = open_alone(self.path)
        try:
            self._index = Index(self._count())
            for number, facts in enumerate(self._facts()):
                self._index.add(number, of_facts(facts))
            # Not before all lines are known to be ours: somebody else's file is left as it is.
            self._cut_torn_line()
        except BaseException:
            self.release()
            raise

    def write(self, row: ScanRow) -> bool:
        """Appends a row unless it stands there already; whether it was appended."""
        line = None
        if len(self._index):
            if row.extra:
                # What was carried along is compared as it would be read again.
                line = text(row.to_dict())
                known = of_facts(json.loads(line))
            else:
                known = of_row(row)
            if self._index.meets(known):
                return False
        line = line or text(row.to_dict())
        write_whole(self._file, line.encode() + b"\n")
        return True

    def close(self, *, complete: bool) -> None:
        """Takes away the lines that others have taken the place of.

        Args:
            complete: Whether the scan came to its end, so that what it did not say again of its keys is no longer so.
        """
        try:
            gone = self._index.superseded(complete=complete)
            if gone.count(1):
                self._rewrite(gone)
        finally:
            self.release()

    def release(self) -> None:
        """Lets go of the file as it is."""
        opened, self._file = self._file, -1
        if opened >= 0:
            os.close(opened)

    def _rewrite(self, gone: bytearray) -> None:
        place = Replacement(self.path, force=True)
        try:
            buffer = bytearray()
            for number, line in enumerate(self._lines()):
                if number < len(gone) and gone[number]:
                    continue
                buffer += line
                if len(buffer) > 1 << 18:
                    write_whole(place.file, bytes(buffer))
                    buffer.clear()
            write_whole(place.file, bytes(buffer))
            place.publish()
        finally:
            place.discard()

    def _lines(self) -> Iterator[bytes]:
        """The lines that have their end."""
        with os.fdopen(os.dup(self._file), "rb", buffering=1 << 18) as reader:
            reader.seek(0)
            for line in reader:
                if line.endswith(b"\n"):
                    yield line

    def _count(self) -> int:
        return sum(1 for _ in self._lines())

    def _facts(self) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(self._lines(), 1):
            facts = None
            with contextlib.suppress(ValueError):
                facts = json.loads(line)
            if not isinstance(facts, dict) or tuple(facts)[: len(COLUMNS)] != COLUMNS:
                what = "is no row of a scan"
                if isinstance(facts, dict) and tuple(facts)[: len(_EARLIER)] == _EARLIER:
                    what = "is a row of an earlier version, which had no column 'disagrees'"
                raise ConfigError(f"{self.path}: line {number} {what}; --force (force=True) replaces the file")
            yield facts

    def _cut_torn_line(self) -> None:
        """A line without an end is one that a killed scan was writing."""
        size = end = os.fstat(self._file).st_size
        while end:
            start = max(0, end - (1 << 16))
            block = os.pread(self._file, end - start, start)
            found = block.rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end == size:
            return
        # What follows lines was begun by us, if they are ours; a file without any line end may be anybody's.
        if end == 0 and not _is_torn_row(os.pread(self._file, 1 << 20, 0)):
            raise ConfigError(f"{self.path} is no output of a scan; --force (force=True) replaces it")
        os.ftruncate(self._file, end)


def _is_torn_row(beginning: bytes) -> bool:
    if not _BEGINNING.startswith(beginning[: len(_BEGINNING)]) and beginning.strip(b"\0"):
        return False
    try:
        facts = json.loads(beginning)
    except ValueError:
        return True
    return isinstance(facts, dict) and tuple(facts)[: len(COLUMNS)] == COLUMNS
