"""The one place where the command meets scans, estimates and stores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aigclens.client import Client

__all__ = ["estimate", "is_file", "open_store", "start"]

# What says how an input is read.
_READING = (
    "url_column", "path_column", "binary_column", "key_column", "carry", "root", "glob", "exclude", "follow_symlinks",
)  # fmt: skip


def start(sources: list[str], client: Client, **options: Any) -> Any:
    """A scan of everything that was named, one after the other."""
    from aigclens.scanning.summary import described

    scanning: Any = import_module("aigclens.scanning")
    scan = scanning.scan(_input(sources, options), client=client, **options)
    scan.summary.inputs = described(sources)
    return scan


def estimate(sources: list[str], client: Client, **options: Any) -> Any:
    """What a scan of it would come to."""
    scanning: Any = import_module("aigclens.scanning")
    return scanning.estimate(_input(sources, options), client=client, **options)


def is_file(source: str) -> bool:
    """Whether a source is a file of this machine; a URL is none, however long it is."""
    return os.path.isfile(source)  # noqa: PTH113 - `Path.is_file` raises where a name is too long for the system


def open_store(path: str) -> Any:
    """A store to read from."""
    return import_module("aigclens.store").Store(path)


def _input(sources: list[str], options: dict[str, Any]) -> Any:
    """One source as it is; of several, their items, which leaves nothing to say about how they are read.

    Raises:
        ConfigError: One of them cannot be read at all, which is not found out after those before it were paid for.
    """
    if len(sources) == 1:
        return sources[0]
    reading = {name: options.pop(name) for name in _READING if name in options}
    inputs: Any = import_module("aigclens.scanning.inputs")
    for source in sources:
        # What can be read once only is looked at when its turn comes.
        if is_file(source) or os.path.isdir(source) or not os.path.lexists(source):  # noqa: PTH112 - as in is_file
            inputs.items(source, **reading).close()
    return _chained(sources, reading)


def _chained(sources: list[str], options: dict[str, Any]) -> Iterator[Any]:
    inputs: Any = import_module("aigclens.scanning.inputs")
    for source in sources:
        for item in inputs.items(source, **options):
            yield item.key, item.source, item.extra
