"""From a text or path to what is there: a folder, an archive, a list, a single image, or several by one name."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from aigclens.errors import ConfigError, ImageFileNotFound, InvalidUrl
from aigclens.scanning.inputs import braces, columns, folder, kinds, lists, patterns
from aigclens.scanning.inputs.item import Item, Options, broken, is_url, storable

if TYPE_CHECKING:
    from aigclens.scanning.inputs.item import Items


def read(text: str, options: Options, *, alone: bool) -> Items:
    """The items of a source that is a text.

    Args:
        text: A path, URL, pattern or name with braces; `-` alone is standard input.
        options: How it is read.
        alone: Whether it is all that was given. Then a mistake is raised; otherwise it is an item, and the next source
            is read.

    Raises:
        ConfigError: There is nothing of this name, or it cannot be read as what it is.
    """
    if alone:
        yield from _read(text, options, alone=True)
        return
    try:
        yield from _read(text, options, alone=False)
    except ConfigError as error:
        # One of many: it must neither end the others nor pass for trouble with the account.
        yield broken(text, text, str(error))


def _read(text: str, options: Options, *, alone: bool) -> Items:
    if alone and text == "-":
        yield from lists.standard_input(options)
    elif is_url(text):
        yield from _url(text, options, alone=alone)
    elif os.path.isdir(text):
        yield from _folder(text, options)
    elif os.path.lexists(text):
        yield from of_file(text, os.path.basename(text), options)
    elif braces.has_braces(text):
        for one in braces.expand(text):
            yield from read(one, options, alone=False)
    elif patterns.has_magic(text):
        base, pattern = patterns.split(text)
        yield from _folder(base, options, pattern)
    elif alone:
        raise ConfigError(storable(f"there is no file or folder '{text}'"))
    else:
        yield broken(text, text, f"there is no file '{text}'", ImageFileNotFound)


def of_file(path: str, key: str, options: Options) -> Items:
    """The items of a file that is there, or was a moment ago."""
    kind = kinds.kind_of(path)
    if kind == "archive":
        from aigclens.scanning.inputs import shards

        yield from shards.read(path, options)
    elif kind == "parquet":
        from aigclens.scanning.inputs import parquet

        yield from parquet.read(path, options)
    elif kind is not None:
        items = lists.read(path, kind, options)
        yield from _opened(items, options) if kind == "text" else items
    else:
        options.no_columns(f"the file '{storable(path)}'")
        options.no_patterns(f"the file '{storable(path)}'")
        yield Item(storable(key), columns.as_path(path), storable(path))


def _opened(items: Items, options: Options) -> Items:
    """A list of lines may name archives, whose images are meant then."""
    with contextlib.closing(items):
        for item in items:
            if not isinstance(item.source, str) or kinds.kind_of(item.source) != "archive":
                yield item
            elif is_url(item.source):
                yield item._replace(source=remote(item.source))
            else:
                yield from read(item.source, options, alone=False)


def _url(text: str, options: Options, *, alone: bool) -> Items:
    if braces.has_braces(text):
        for one in braces.expand(text):
            yield from read(one, options, alone=False)
        return
    options.no_columns("a URL")
    options.no_patterns("a URL")
    if kinds.kind_of(text.partition("?")[0]) is not None:
        error = remote(text)
        if alone:
            raise ConfigError(str(error))
        yield Item(storable(text), error, storable(text))
    else:
        yield Item(storable(text), text, storable(text))


def remote(url: str) -> InvalidUrl:
    """The refusal of an archive or list that is somewhere else."""
    name = url.partition("?")[0]
    return InvalidUrl(storable(f"'{name}' is an archive or list on a server; download it and pass the file"))


def _folder(path: str, options: Options, pattern: str | None = None) -> Items:
    inner = options.without_patterns()
    with contextlib.closing(folder.walk(path, options, pattern)) as walk:
        for found in walk:
            if isinstance(found, Item):
                yield found
            elif found.as_its_kind and kinds.kind_of(found.path) is not None:
                try:
                    yield from of_file(found.path, found.relative, inner)
                except ConfigError as error:
                    yield broken(found.relative, found.path, str(error))
            else:
                yield Item(storable(found.relative), columns.as_path(found.path), storable(found.path))
