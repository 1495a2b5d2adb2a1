"""One writer for every format: rows in, a file out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from aigclens.errors import ConfigError
from aigclens.report import delimited, page, parquet
from aigclens.report.files import Replacement, checked
from aigclens.report.jsonl import Jsonl, JsonlExport

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from aigclens.scanning.rows import ScanRow

__all__ = ["Format", "Writer", "format_of", "write"]

Format: TypeAlias = Literal["jsonl", "csv", "parquet", "html"]
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".html": "html",
    ".htm": "html",
}
_FORMATS: tuple[Format, ...] = ("jsonl", "csv", "parquet", "html")
# How many rows a file has, if it is one that this package wrote.
_OURS: dict[str, Callable[[Path], int | None]] = {
    "csv": delimited.rows_of_ours,
    "parquet": parquet.rows_of_ours,
    "html": page.rows_of_ours,
}


class _Sheet(Protocol):
    def write(self, row: ScanRow) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


def format_of(path: str | os.PathLike[str], format: str | None = None) -> Format:  # noqa: A002 - the option's name
    """The format that was named, or that a file's name stands for.

    Raises:
        ConfigError: Neither says one that there is.
    """
    for known in _FORMATS:
        if format == known:
            return known
    if format is not None:
        raise ConfigError(f"format is {format!r}; it should be one of {', '.join(_FORMATS)}")
    found = _SUFFIXES.get(Path(os.fspath(path)).suffix.lower())
    if found is None:
        raise ConfigError(
            f"{os.fspath(path)}: the name ends with none of {', '.join(_SUFFIXES)}; "
            "give one of these, or say which format (--format, format=)"
        )
    return found


class Writer:
    """Writes rows to a file; a context manager, which discards an export that an exception ended.

    An export (`resume=False`) appears at once when it is complete. With `resume=True`, for the output of a scan that
    may be stopped and run again: JSONL grows by a whole line for each row and is continued; the others are written
    anew, since the run has the earlier answers too, and take the place of the earlier file when the writer is closed
    (after a run that was stopped: unless the earlier file has more rows, which is then kept).

    Attributes:
        path: Where the rows will be.
        format: `jsonl`, `csv`, `parquet` or `html`.
        kept: Whether closing left an earlier file in place, since it has more rows.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: str | None = None,  # noqa: A002 - the option's name
        *,
        force: bool = False,
        resume: bool = False,
        guard: bool = True,
    ) -> None:
        """Checks now, before anything is paid for, that the file can be written.

        Args:
            path: The file. Its suffix says the format: `.jsonl`, `.ndjson`, `.csv`, `.parquet`, `.pq`,
                `.html`, `.htm`.
            format: The format, where the suffix does not say.
            force: Whether a file that is there may be replaced.
            resume: Whether it may be a file that this package wrote, which is continued or written anew.
            guard: Whether cells of CSV that a spreadsheet would take for formulas get `'` before them.

        Raises:
            ConfigError: The file exists, is a link or no file, cannot be written, or is being written by another
                process; its folder does not exist; the format is unknown; or pyarrow is missing for Parquet.
        """
        self.path, self.kept = Path(os.fspath(path)), False
        self.format = format_of(path, format)
        self._grows: Jsonl | None = None
        self._place: Replacement | None = None
        self._sheet: _Sheet | None = None
        if self.format == "parquet":
            parquet.schema()
        if self.format == "jsonl" and resume:
            _, found = checked(self.path)
            if force and found is not None:
                self.path.unlink()
            self._grows = Jsonl(self.path)
            return
        self._place = Replacement(self.path, force=force, rows_of_ours=_OURS.get(self.format) if resume else None)
        if self.format == "csv":
            self._sheet = delimited.Csv(self._place, guard=guard)
        elif self.format == "parquet":
            self._sheet = parquet.Parquet(self._place)
        elif self.format == "html":
            self._sheet = page.Page(self._place)
        else:
            self._sheet = JsonlExport(self._place)
        self._rows = 0

    def write(self, row: ScanRow) -> None:
        """Writes one row.

        Raises:
            OSError: The disk is full or gone. A line is there whole or not at all.
        """
        if self._grows is not None:
            self._grows.write(row)
        elif self._sheet is not None:
            self._sheet.write(row)
            self._rows += 1
        else:
            raise ValueError("the writer is closed")

    def close(self, *, complete: bool = True) -> None:
        """Finishes the file. Harmless when repeated.

        Args:
            complete: Whether all rows were written, rather than those of a run that was stopped.

        Raises:
            OSError: The disk is full or gone.
        """
        grows, self._grows = self._grows, None
        if grows is not None:
            grows.close(complete=complete)
        sheet, place, self._sheet, self._place = self._sheet, self._place, None, None
        if sheet is None or place is None:
            return
        try:
            sheet.close()
            self.kept = not complete and place.earlier is not None and place.earlier > self._rows
            if not self.kept:
                place.publish()
        except BaseException:
            sheet.abandon()
            raise
        finally:
            place.discard()

    def discard(self) -> None:
        """Leaves nothing behind of an export that came to nothing; a growing file stays as it is."""
        grows, self._grows = self._grows, None
        if grows is not None:
            grows.release()
        sheet, place, self._sheet, self._place = self._sheet, self._place, None, None
        if sheet is not None:
            sheet.abandon()
        if place is not None:
            place.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def write(
    rows: Iterable[ScanRow],
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 - the option's name
    *,
    force: bool = False,
    guard: bool = True,
) -> int:
    """Exports rows to a file that appears at once when it is complete; how many there were.

    Args:
        rows: The rows, taken one after the other.
        path: The file, see `Writer`.
        format: The format, where the suffix does not say.
        force: Whether a file that is there may be replaced.
        guard: Whether cells of CSV that a spreadsheet would take for formulas get `'` before them.

    Raises:
        ConfigError: The file cannot be written, see `Writer`.
        OSError: The disk is full or gone; nothing is left behind.
    """
    count = 0
    with Writer(path, format, force=force, guard=guard) as writer:
        for row in rows:
            writer.write(row)
            count += 1
    return count
