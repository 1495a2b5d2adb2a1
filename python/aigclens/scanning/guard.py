"""Keeps Python's own `sqlite3` away from a store that a scan of the same process writes to.

Two SQLite libraries in one process do not see each other's locks, since the system's belong to the process. The second
one takes the write-ahead log for one that nobody uses, and tidies it away: rows are lost that were on the disk. So
`sqlite3.connect`, which pandas and SQLAlchemy use too, is refused for such a file. Other processes may read it.
"""

from __future__ import annotations

import os
import sys
from typing import Any
from urllib.parse import unquote

from aigclens import _native
from aigclens.errors import StoreLocked

__all__ = ["install"]

_installed: list[bool] = []


def install() -> None:
    """From now on, for as long as the process lives: an audit hook cannot be taken away. Harmless when repeated."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_on_event)


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    # Called for everything that is audited, as the opening of each file is.
    if event == "sqlite3.connect" and any(map(_is_live, _names(arguments[0]))):
        raise StoreLocked(
            f"a scan of this process is writing to {arguments[0]!r}, and sqlite3 in the same process would destroy it: "
            "read it with aigclens.store.Store, or in another process"
        )


def _names(database: Any) -> list[Any]:
    """The files that may be meant: a URI is one only for whoever says so, and may be a name as well."""
    if isinstance(database, str) and database.startswith("file:"):
        path = database.removeprefix("file:").partition("#")[0].partition("?")[0]
        if path.startswith("//"):
            path = "/" + path[2:].partition("/")[2]
        return [database, unquote(path)]
    return [database]


def _is_live(name: Any) -> bool:
    try:
        return _native.is_written_here(os.fsdecode(name))
    except (TypeError, ValueError):
        # What is no path at all is for sqlite3 to refuse.
        return False
