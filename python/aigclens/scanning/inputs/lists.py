"""Lists of images in text, CSV and JSONL, a line at a time. A line that cannot be read is one item of error; the next
is read all the same.
"""

from __future__ import annotations

import codecs
import csv
import functools
import gzip
import io
import json
import os
import sys
import zlib
from typing import IO, TYPE_CHECKING, Any

from aigclens.errors import AigcError, ConfigError, InputError, InvalidParameter
from aigclens.scanning.inputs import columns
from aigclens.scanning.inputs.item import Item, Items, Options, broken, cleaned, storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aigclens.scanning.inputs.kinds import Kind

# No path or URL is longer, and no JSON object of a list.
LONGEST_LINE = 64 * 1024
LONGEST_OBJECT = 16 * 1024 * 1024
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def read(path: str, kind: Kind, options: Options) -> Items:
    """The items of a list file, which is closed at the end or with the generator."""
    shown = storable(path)
    options.no_patterns(f"a list such as '{shown}'")
    base = options.root or os.path.dirname(path) or "."
    try:
        binary = _open(path)
    except OSError as problem:
        raise ConfigError(f"cannot read '{shown}': {problem.strerror or problem}") from problem
    with binary:
        if kind == "text":
            yield from guarded(lines(binary, base, shown, options), shown)
        elif kind == "jsonl":
            yield from guarded(_objects(binary, base, shown, options), shown)
        else:
            text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
            yield from guarded(_rows(text, base, shown, options, "\t" if kind == "tsv" else None), shown)


def _open(path: str) -> IO[bytes]:
    packed = path.lower().endswith(".gz")
    opened: Any = gzip.open(path, "rb") if packed else open(path, "rb", buffering=256 * 1024)  # noqa: SIM115
    try:
        start = opened.peek(4)[:4]
    except (OSError, EOFError, zlib.error) as problem:
        opened.close()
        raise ConfigError(f"cannot read '{storable(path)}': {problem}") from problem
    if start.startswith(_WIDE):
        opened.close()
        raise ConfigError(f"'{storable(path)}' is UTF-16 or UTF-32; save it as UTF-8")
    return opened  # type: ignore[no-any-return]


def guarded(items: Iterator[Item], shown: str) -> Items:
    """The items, and one of error where the file itself ends them too early."""
    try:
        yield from items
    except (OSError, EOFError, zlib.error) as problem:
        if isinstance(problem, AigcError):
            raise
        yield broken(shown, shown, f"'{shown}' cannot be read any further: {problem}")


def lines(binary: IO[bytes], base: str, shown: str, options: Options) -> Iterator[Item]:
    """A path or URL a line. Blank lines are nothing, and lines that begin with `#` are remarks."""
    options.no_columns(f"a list of lines such as '{shown}'")
    resolve = columns.resolver("either", base)
    first = True
    for number, line in enumerate(_bounded(binary, LONGEST_LINE), 1):
        if line is None:
            yield _failed(shown, number, f"it is longer than {LONGEST_LINE // 1024} KiB")
            continue
        if first:
            line = line.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901
            first = False
        text = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
        if not text or text.isspace():
            continue
        if text.startswith("#"):
            options.tally.skipped += 1
            continue
        source, name = resolve(text)
        yield Item(storable(text.strip()), located(source, number), name)


def standard_input(options: Options) -> Iterator[Item]:
    """The lines of standard input; relative paths begin where the program was started."""
    options.no_patterns("standard input")
    if sys.stdin is None:
        raise ConfigError("there is no standard input to read lines from")
    yield from lines(sys.stdin.buffer, options.root or ".", "<stdin>", options)


def _bounded(binary: IO[bytes], longest: int) -> Iterator[bytes | None]:
    """Lines, and nothing in the place of one that is too long to be held."""
    part = functools.partial(binary.readline, longest + 1)
    for line in iter(part, b""):
        if len(line) > longest:
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = part()
            yield None
        else:
            yield line


def _rows(text: io.TextIOWrapper, base: str, shown: str, options: Options, delimiter: str | None) -> Iterator[Item]:
    """The rows of a CSV file under a line of names."""
    bounded = functools.partial(text.readline, 1024 * 1024)
    head = bounded()
    delimiter = delimiter or max(",;\t|", key=head.count)
    # The names may hold line ends of their own, so that the reader gets the first line back.
    reader = csv.reader(_after(head, bounded), delimiter=delimiter)
    try:
        names = next(reader, [])
    except csv.Error as problem:
        raise ConfigError(f"the first line of '{shown}' is no line of column names: {problem}") from problem
    if "\0" in head:
        raise ConfigError(f"'{shown}' is no text: its first line holds NUL bytes")
    layout = columns.choose(names, options, shown)
    if layout.kind == "value":
        raise ConfigError(f"'{shown}' is text and holds no images; binary_column is for Parquet")
    resolve = columns.resolver(layout.kind, base)
    width = len(names)
    at = names.index(layout.column)
    key_at = names.index(layout.key) if layout.key is not None else -1
    carried = [(name, names.index(name)) for name in layout.carried]
    carrying = bool(options.carry)
    while True:
        begun = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as problem:
            yield _failed(shown, begun, f"up to line {reader.line_num}: {problem}")
            continue
        if row is None:
            return
        if len(row) != width:
            if row:
                yield _failed(shown, begun, f"it has {len(row)} cells, and the first line names {width} columns")
            continue
        cell = row[at]
        extra = {column: storable(row[index]) for column, index in carried} if carrying else None
        if not cell or cell.isspace():
            why, given = f"the column '{layout.column}' is empty", row[key_at] if key_at >= 0 else ""
            yield _failed(shown, begun, why, given)._replace(extra=extra)
            continue
        source, name = resolve(cell)
        key = row[key_at] if key_at >= 0 else cell.strip()
        yield Item(storable(key), located(source, begun), name, extra)


def _after(head: str, bounded: Callable[[], str]) -> Iterator[str]:
    if head:
        yield head
        yield from iter(bounded, "")


def _objects(binary: IO[bytes], base: str, shown: str, options: Options) -> Iterator[Item]:
    """A JSON object a line."""
    rows: Rows | None = None
    for number, line in enumerate(_bounded(binary, LONGEST_OBJECT), 1):
        if line is None:
            yield _failed(shown, number, f"it is longer than {LONGEST_OBJECT // 1024 // 1024} MiB")
            continue
        if not line.strip():
            continue
        try:
            found = json.loads(line.removeprefix(codecs.BOM_UTF8) if number == 1 else line)
        except (ValueError, RecursionError) as problem:
            yield _failed(shown, number, f"it is no JSON ({problem})")
            continue
        if not isinstance(found, dict):
            yield _failed(shown, number, "it is no JSON object")
            continue
        if rows is None:
            rows = Rows(list(found), base, shown, options)
            if rows.layout.kind == "value":
                raise ConfigError(f"'{shown}' is text and holds no images; binary_column is for Parquet")
        made = rows.item(found, number)
        yield made if made.extra is None else made._replace(extra=cleaned(made.extra))


class Rows:
    """Items from rows that name their fields themselves; the first row decides where the images are."""

    __slots__ = ("_options", "_resolve", "_shown", "layout")

    def __init__(
        self,
        names: list[Any],
        base: str,
        shown: str,
        options: Options,
        guesses: Sequence[str] = columns.GUESSES,
    ) -> None:
        self.layout = columns.choose([str(name) for name in names], options, shown, guesses)
        self._resolve = columns.resolver(self.layout.kind, base)
        self._options = options
        self._shown = shown

    def item(self, row: dict[str, Any], number: int) -> Item:
        """The item of one row."""
        layout = self.layout
        value = row.get(layout.column)
        source, name = columns.cell(value, self._resolve, layout.column)
        key = row.get(layout.key) if layout.key is not None else None
        if key is None or key == "":
            key = value.strip() if isinstance(value, str) else ""
        place = f"{self._shown}:{number}"
        return Item(storable(str(key)) or place, located(source, number), name or place, self.others(row))

    def others(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """The row's other fields, where they were asked for."""
        if self._options.carry == "*":
            left_out = (self.layout.column, self.layout.key)
            return {field: found for field, found in row.items() if field not in left_out}
        return self._options.carried(row) if self._options.carry else None


def located(source: object, number: int) -> object:
    """An error with the line that it is about; anything else as it is."""
    return type(source)(f"line {number}: {source}") if isinstance(source, InputError) else source


def _failed(shown: str, number: int, why: str, key: str = "") -> Item:
    place = f"{shown}:{number}"
    return broken(key or place, place, f"line {number}: {why}", InvalidParameter)
