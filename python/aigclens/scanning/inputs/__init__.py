"""From whatever a user has to a stream of items for a scan, none of them read before it is asked for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sized
from typing import TYPE_CHECKING, Any, TypedDict

from aigclens.errors import ConfigError, UnsupportedSource
from aigclens.scanning.inputs import kinds, paths, sequence
from aigclens.scanning.inputs.item import Item, Options, texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from aigclens.scanning.inputs.item import Items

__all__ = ["InputOptions", "Item", "Stream", "aitems", "items", "total"]


class InputOptions(TypedDict, total=False):
    """How a scan's source is read.

    Attributes:
        url_column: The column of URLs in a CSV, JSONL or Parquet file. It never opens a file of this machine.
        path_column: The column of paths. It never takes a URL.
        binary_column: The column of images in a Parquet file: bytes, or Hugging Face's structure of `bytes` and `path`.
        key_column: The column whose values are the keys of the rows; without it the URL or path is.
        carry: Other columns that go to the output, `"*"` for all of them.
        root: The folder that relative paths in a list begin at; without it the list's own folder.
        glob: Patterns of the files that are meant below a folder, instead of those whose ending is an image's.
        exclude: Patterns of files and folders that are left out.
        follow_symlinks: Whether links to folders are followed too. Links to files always are.
    """

    url_column: str | None
    path_column: str | None
    binary_column: str | None
    key_column: str | None
    carry: str | Sequence[str]
    root: str | os.PathLike[str] | None
    glob: str | Sequence[str] | None
    exclude: str | Sequence[str] | None
    follow_symlinks: bool


class Stream:
    """The items of a source, one at a time. Closing it closes the files that are open."""

    __slots__ = ("_first", "_items", "_options")

    def __init__(self, made: Items | sequence.Elements, options: Options, *, look: bool) -> None:
        self._items = made
        self._options = options
        # A mistake in the source shows with its first item, and is told before anything else begins.
        self._first: list[Item] = []
        if look:
            self._first.extend(item for item in [next(made, None)] if item is not None)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Item:
        return self._first.pop() if self._first else next(self._items)

    @property
    def elements(self) -> sequence.Elements | None:
        """What the items are made of, where that is an iterable of the caller's."""
        return self._items if isinstance(self._items, sequence.Elements) else None

    @property
    def skipped(self) -> int:
        """What was passed over so far: files and members that are no image, remarks; a folder counts as one."""
        return self._options.tally.skipped

    def close(self) -> None:
        """Ends the stream; harmless when repeated."""
        self._first.clear()
        self._items.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _options(
    *,
    url_column: str | None = None,
    path_column: str | None = None,
    binary_column: str | None = None,
    key_column: str | None = None,
    carry: str | Sequence[str] = (),
    root: str | os.PathLike[str] | None = None,
    glob: str | Sequence[str] | None = None,
    exclude: str | Sequence[str] | None = None,
    follow_symlinks: bool = False,
) -> Options:
    names = {"url_column": url_column, "path_column": path_column, "binary_column": binary_column}
    for name, value in {**names, "key_column": key_column}.items():
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"{name} is the name of a column or None, not {type(value).__name__}")
    if root is not None and not isinstance(root, str | os.PathLike):
        raise ConfigError(f"root is a folder or None, not {type(root).__name__}")
    if not isinstance(follow_symlinks, bool):
        raise ConfigError(f"follow_symlinks is True or False, not {type(follow_symlinks).__name__}")
    return Options(
        {"url_column": url_column, "path_column": path_column, "binary_column": binary_column},
        key_column=key_column,
        carry=carry,
        root=None if root is None else os.fsdecode(root),
        glob=texts("glob", glob),
        exclude=texts("exclude", exclude),
        follow_symlinks=follow_symlinks,
    )


def items(
    source: object,
    *,
    url_column: str | None = None,
    path_column: str | None = None,
    binary_column: str | None = None,
    key_column: str | None = None,
    carry: str | Sequence[str] = (),
    root: str | os.PathLike[str] | None = None,
    glob: str | Sequence[str] | None = None,
    exclude: str | Sequence[str] | None = None,
    follow_symlinks: bool = False,
) -> Stream:
    """The images of a source, as a stream that is read as it is asked for. The options are those of `InputOptions`.

    Args:
        source: A folder; a file (an image; `.tar`, `.tar.gz`, `.tgz`, `.zip`; a list in `.txt`, `.csv`, `.tsv`,
            `.jsonl`, `.parquet`); a pattern or a name with braces for several; `-` for lines of standard input; a URL;
            one image; or an iterable of images, paths, URLs, `(key, source)`, `(key, source, columns)`, or rows as
            mappings.
        url_column: See `InputOptions`, as for all others.
        path_column: The column of paths.
        binary_column: The column of images.
        key_column: The column of keys.
        carry: Columns to keep in `Item.extra`.
        root: Where relative paths of a list begin.
        glob: Which files of a folder are meant.
        exclude: Which are not.
        follow_symlinks: Whether links to folders are followed.

    Raises:
        ConfigError: There is nothing of this name, the columns are not there, or an option does not go with the source.
        UnsupportedSource: It is nothing that can be scanned.
    """
    options = _options(
        url_column=url_column,
        path_column=path_column,
        binary_column=binary_column,
        key_column=key_column,
        carry=carry,
        root=root,
        glob=glob,
        exclude=exclude,
        follow_symlinks=follow_symlinks,
    )
    if isinstance(source, str | os.PathLike):
        text = os.fsdecode(source)
        return Stream(paths.read(text, options, alone=True), options, look=text != "-")
    if sequence.is_one(source):
        options.no_columns("one image")
        options.no_patterns("one image")
        return Stream((item for item in [sequence.one(source, 0)]), options, look=False)
    sequence.check(source)
    if not isinstance(source, Iterable):
        raise UnsupportedSource("an asynchronous iterable is scanned with ascan()")
    sequence.Reader(options)
    return Stream(sequence.read(source, options), options, look=False)


async def aitems(source: object, **options: Any) -> AsyncIterator[Item]:
    """The same for an event loop; the source may be an asynchronous iterable too. Files are read on the loop's
    thread, a few kilobytes at a time. Options and errors are those of `items`.
    """
    if isinstance(source, AsyncIterable):
        reader = sequence.Reader(_options(**options))
        async for element in source:
            for item in reader.items(element):
                yield item
    else:
        with contextlib.closing(items(source, **options)) as stream:
            for item in stream:
                yield item


def total(source: object) -> int | None:
    """How many items there will be, where that is known without reading the source; for a progress bar.

    Nothing is raised: what cannot be counted is `None`.
    """
    if isinstance(source, str | os.PathLike):
        text = os.fsdecode(source)
        if kinds.kind_of(text) != "parquet":
            return None
        from aigclens.scanning.inputs import parquet

        try:
            return parquet.count(text)
        except Exception:  # noqa: BLE001
            return None
    if sequence.is_one(source):
        return 1
    if isinstance(source, Mapping):
        return len(source)
    if not isinstance(source, Sized) or hasattr(source, "iterrows"):
        return None
    if isinstance(source, list | tuple | set | frozenset) and any(_is_many(one) for one in source):
        return None
    return len(source)


def _is_many(element: object) -> bool:
    if not isinstance(element, str | os.PathLike):
        return False
    text = os.fsdecode(element)
    return text.endswith("/") or kinds.kind_of(text) is not None
