"""Which column of a table holds the images, and what a cell of it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from aigclens.errors import ConfigError, ImageFileError, InvalidParameter, InvalidUrl
from aigclens.scanning.inputs.item import is_url, storable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aigclens.errors import InputError
    from aigclens.scanning.inputs.item import Options

Kind: TypeAlias = Literal["url", "path", "either", "value"]
Resolve: TypeAlias = "Callable[[str], tuple[object, str]]"

# What such columns are called in the data sets of the field, in small letters.
GUESSES = (
    "url", "urls", "image_url", "image_urls", "img_url", "imageurl", "image_uri", "uri", "link",
    "path", "image_path", "img_path", "imagepath", "file", "file_name", "filename", "file_path", "filepath",
    "image", "img", "image_file",
)  # fmt: skip
# And where the images themselves are in the table.
BINARY_GUESSES = ("bytes", "image_bytes", "jpg", "jpeg", "png", "webp")


class Layout(NamedTuple):
    """The columns of a table that are read."""

    column: str
    kind: Kind
    key: str | None
    carried: tuple[str, ...]


def choose(names: Sequence[str], options: Options, where: str, guesses: Sequence[str] = GUESSES) -> Layout:
    """The columns that are meant.

    Raises:
        ConfigError: A column is not there, or none was named and not exactly one has a usual name.
    """
    there = f"the columns of '{where}' are {_listed(names)}"
    for name in (*options.columns.values(), options.key_column, *(options.carry if options.carry != "*" else ())):
        if name is not None and names.count(name) != 1:
            what = "no column" if name not in names else "more than one column"
            raise ConfigError(storable(f"there is {what} '{name}'; {there}"))
    if options.columns:
        option, column = next(iter(options.columns.items()))
        kinds: dict[str, Kind] = {"url_column": "url", "path_column": "path", "binary_column": "value"}
        kind = kinds[option]
    else:
        likely = [name for name in names if name.strip().lower() in guesses]
        if len(likely) != 1:
            which = f"any of {_listed(likely)} may be meant" if likely else "none has a usual name"
            raise ConfigError(storable(f"{there}; {which}: name one with url_column, path_column or binary_column"))
        column, kind = likely[0], "either"
    if options.carry == "*":
        carried = tuple(name for name in dict.fromkeys(names) if name not in (column, options.key_column))
    else:
        carried = options.carry
    return Layout(column, kind, options.key_column, carried)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name[:60]}'" for name in names[:30])
    return shown + (f" and {len(names) - 30} more" if len(names) > 30 else "") if names else "none"


def resolver(kind: Kind, base: str) -> Resolve:
    """What makes a source of a cell's text, with a text for people; an error where it is none.

    A column that was named as one of URLs never opens a file of this machine, whoever wrote the list.
    """

    def resolve(text: str) -> tuple[object, str]:
        bare = text.strip()
        if is_url(bare):
            if kind == "path":
                return _wrong(bare, f"'{_short(bare)}' is a URL, and the column is one of paths", InvalidUrl)
            if not bare.isascii() and storable(bare) != bare:
                return _wrong(bare, f"'{_short(bare)}' is no UTF-8", InvalidUrl)
            return bare, bare
        if kind == "url":
            return _wrong(bare, f"'{_short(bare)}' is no URL; paths are read from a path_column", InvalidUrl)
        if "\0" in text:
            return _wrong(bare, "the path holds a NUL byte", ImageFileError)
        path = os.path.join(base, text)
        return as_path(path), storable(path)

    return resolve


def _short(text: str) -> str:
    """Enough to find it again; what follows a question mark may be a signature, which is a secret."""
    return text.partition("?")[0][:200]


def as_path(path: str) -> object:
    """A path that nobody takes for a URL."""
    return path if not path.startswith("//") else "/" + path.lstrip("/")


def cell(value: Any, resolve: Resolve, column: str) -> tuple[object, str]:
    """The source in a cell of a table that knows types."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return _wrong("", f"the column '{column}' is empty", InvalidParameter)
    if isinstance(value, str):
        return resolve(value)
    if isinstance(value, bytes):
        return value, "<bytes>"
    return _wrong("", f"the column '{column}' holds {type(value).__name__} and no text", InvalidParameter)


def _wrong(shown: str, why: str, kind: type[InputError]) -> tuple[object, str]:
    return kind(storable(why)), storable(shown)
