"""Items on their way down: what the core is fed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aigclens import _native
from aigclens.errors import AigcError, ImageFileError
from aigclens.scanning.inputs.item import unreadable
from aigclens.sources import coerce, is_quick

if TYPE_CHECKING:
    from aigclens.scanning.inputs import Item

__all__ = ["is_ready", "line", "packed"]


def is_ready(item: Item) -> bool:
    """Whether `packed` neither waits nor works for long."""
    return isinstance(item.source, AigcError | _native.Member) or is_quick(item.source)


def packed(item: Item, limit: int) -> tuple[str, str, Any]:
    """Key, shown source, and what the core takes: the kind of the source and its parts, or what is wrong with it."""
    source: Any = item.source
    if isinstance(source, _native.Member):
        source = ("member", source)
    elif not isinstance(source, AigcError):
        try:
            source = coerce(source, limit)
        except AigcError as error:
            source = error
        except OSError as problem:
            source = unreadable(item.key, item.shown, problem).source
        except Exception as problem:  # noqa: BLE001 - one image that its owner cannot give is one row
            source = ImageFileError(f"cannot read '{item.shown}': {type(problem).__name__}: {line(problem)}")
    return (item.key, item.shown, source)


def line(problem: BaseException) -> str:
    """What an exception says, in one line."""
    return " ".join(str(problem).split())
