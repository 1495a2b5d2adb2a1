"""What a user has in memory: images and places of images, alone, with keys, or as rows of a table."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterable, Iterable, Mapping
from io import TextIOBase
from typing import TYPE_CHECKING, Any

from aigclens.errors import ConfigError, InputError, UnsupportedSource
from aigclens.models import OssObject
from aigclens.scanning.inputs import columns, kinds, lists, paths
from aigclens.scanning.inputs.item import Item, Options, broken, is_url, storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aigclens.scanning.inputs.item import Items


def is_one(source: object) -> bool:
    """Whether a source is one image, though it may be something that can be iterated over."""
    if isinstance(source, bytes | bytearray | memoryview | OssObject | InputError):
        return True
    numpy, pil = sys.modules.get("numpy"), sys.modules.get("PIL.Image")
    if numpy is not None and isinstance(source, numpy.ndarray):
        return True
    if pil is not None and isinstance(source, pil.Image):
        return True
    return callable(getattr(source, "read", None)) and not isinstance(source, TextIOBase)


def check(source: object) -> None:
    """Refuses what would be iterated over in another way than its owner thinks."""
    if hasattr(source, "iterrows") or hasattr(source, "iter_rows"):
        raise ConfigError(
            f"a {type(source).__name__} is a table; pass the column of its images, or rows of it: "
            "zip(table['id'], table['url'])"
        )
    if not isinstance(source, Iterable | AsyncIterable):
        raise UnsupportedSource(
            f"cannot scan {type(source).__name__}; pass a folder, a file, or an iterable of images, paths and URLs"
        )


class Reader:
    """Turns the elements of an iterable into items, whoever iterates."""

    __slots__ = ("_number", "_options", "_rows")

    def __init__(self, options: Options) -> None:
        options.no_patterns("an iterable")
        self._options = options
        self._number = -1
        self._rows: lists.Rows | None = None

    def url(self, element: object) -> Item | None:
        """The item of a URL as most are, without the questions that everything else is asked: lists have millions."""
        if type(element) is not str or not element.startswith(("https://", "http://")) or not element.isascii():
            return None
        if "\0" in element or kinds.kind_of(element.partition("?")[0]) is not None:
            return None
        self._number += 1
        return Item(element, element, element)

    def passed(self, count: int) -> None:
        """So many elements were taken by others."""
        self._number += count

    def items(self, element: object) -> Items:
        """The item of one element, or the items of the archive, list or folder that it names."""
        self._number += 1
        if isinstance(element, Item):
            yield element
        elif isinstance(element, Mapping):
            yield self._row(dict(element))
        elif isinstance(element, tuple):
            yield self._with_key(element)
        elif isinstance(element, str | os.PathLike):
            text = os.fsdecode(element)
            if not text.strip() or "\0" in text:
                yield broken(f"#{self._number}", "", "the path is empty or holds a NUL byte")
            elif isinstance(element, str) and is_url(text):
                wrong = kinds.kind_of(text.partition("?")[0]) is not None
                yield Item(storable(text), paths.remote(text) if wrong else text, storable(text))
            elif text.endswith("/") or kinds.kind_of(text) is not None:
                yield from paths.read(text, self._options, alone=False)
            else:
                yield Item(storable(text), element, storable(text))
        else:
            yield one(element, self._number)

    def _with_key(self, element: tuple[Any, ...]) -> Item:
        """`(key, source)` or `(key, source, extra)`; only a tuple is one."""
        number = f"#{self._number}"
        if len(element) not in (2, 3) or not isinstance(element[0], str | int) or isinstance(element[0], bool):
            why = "a tuple is (key, source) or (key, source, columns), its key a text or a number"
            return broken(number, number, why, UnsupportedSource)
        key = storable(str(element[0]))
        extra = element[2] if len(element) == 3 else None
        if extra is not None and not isinstance(extra, Mapping):
            return broken(key or number, number, "the third of a tuple is a dict of columns", UnsupportedSource)
        found = one(element[1], self._number)
        return Item(key or number, found.source, found.shown, None if extra is None else dict(extra))

    def _row(self, row: dict[Any, Any]) -> Item:
        """A row of a table, as `datasets` and `csv.DictReader` give it."""
        shown = "the rows"
        if self._rows is None:
            guesses = (*columns.GUESSES, *columns.BINARY_GUESSES)
            self._rows = lists.Rows(list(row), self._options.root or ".", shown, self._options, guesses)
        layout = self._rows.layout
        value = row.get(layout.column)
        if value is None or isinstance(value, str):
            return self._rows.item(row, self._number)
        found = one(value, self._number)
        key = row.get(layout.key) if layout.key is not None else None
        extra = self._rows.others(row)
        return Item(found.key if key is None else storable(str(key)), found.source, found.shown, extra)


def one(source: object, number: int) -> Item:
    """The item of one image."""
    if isinstance(source, OssObject):
        text = storable(f"oss://{source.bucket}/{source.key}")
        return Item(text, source, text)
    if isinstance(source, str | os.PathLike):
        text = storable(os.fsdecode(source))
        return Item(text, source, text)
    name = "<bytes>" if isinstance(source, bytes | bytearray | memoryview) else f"<{type(source).__name__}>"
    return Item(f"#{number}", source, name)


def read(source: Iterable[Any], options: Options) -> Elements:
    """The items of an iterable. What it raises is raised; nothing is taken from it before it is asked for."""
    if isinstance(source, TextIOBase):
        options.no_columns("an open text file")
        source = (line.rstrip("\r\n") for line in source if not line.isspace())
    elif isinstance(source, Mapping):
        source = source.items()
    return Elements(source, Reader(options))


class Elements:
    """The items of an iterable, one at a time, or many plain URLs together."""

    __slots__ = ("_elements", "_inner", "_reader", "_source")

    def __init__(self, source: Iterable[Any], reader: Reader) -> None:
        self._source: Iterable[Any] | None = source
        self._reader = reader
        self._elements: Iterator[Any] = iter(())
        # What is left of an element that is several items.
        self._inner: Items | None = None

    def __iter__(self) -> Elements:
        return self

    def __next__(self) -> Item:
        self._begin()
        while True:
            if self._inner is not None:
                for item in self._inner:
                    return item
                self._inner = None
            element = next(self._elements)
            url = self._reader.url(element)
            if url is not None:
                return url
            self._inner = self._reader.items(element)

    def _begin(self) -> None:
        if self._source is not None:
            source, self._source = self._source, None
            self._elements = iter(source)

    def urls(self, take: Callable[[Iterator[Any]], tuple[int, tuple[Any, ...]]]) -> bool:
        """Lets others take plain URLs from the iterable: as many as they like, up to an element that is none.

        Args:
            take: Takes from an iterator. Says how many URLs it took, and has the element that was none.

        Returns:
            Whether what comes next may be a plain URL too.
        """
        self._begin()
        if self._inner is not None:
            return False
        count, other = take(self._elements)
        self._reader.passed(count)
        if other:
            self._inner = self._reader.items(*other)
        return not other

    def close(self) -> None:
        """Ends it; harmless when repeated."""
        self._source, self._elements = None, iter(())
        if self._inner is not None:
            inner, self._inner = self._inner, None
            inner.close()
