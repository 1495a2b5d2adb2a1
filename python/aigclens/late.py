"""What is loaded once it is needed. An import statement in a function costs each of its calls; this does not."""

from __future__ import annotations

import sys

# What `typing` calls so, without importing it: type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["doors", "loaded", "logs", "make_ready", "prepare"]

_doors: Any = None
_logs: Any = None
_is_ready = False


def doors() -> Any:
    """`aigclens.doors`, and with it asyncio: for calls that are awaited."""
    global _doors
    if _doors is None:
        from aigclens import doors

        _doors = doors
    return _doors


def logs() -> Any:
    """`aigclens.logs`, and with it `logging`: for those who hear of events."""
    global _logs
    if _logs is None:
        from aigclens import logs

        _logs = logs
    return _logs


def make_ready() -> None:
    """Loads what a result needs before the first call is made: what was paid for must not be lost to an import."""
    global _is_ready
    if not _is_ready:
        import warnings  # noqa: F401

        from aigclens import models

        # Here and not in the core: a thread that Python ends in the middle of this has no frame of the core's.
        for kind in (models.Detection, models.Label, models.Attempt):
            models.blank(kind)
        _is_ready = True


def prepare(*, awaited: bool) -> None:
    """Loads, as a client is made, what its first call would load on the event loop, which others use. Where there is no
    asyncio yet there is no loop to hold up.
    """
    if awaited and "asyncio" in sys.modules:
        doors()
        logs()
        make_ready()


def loaded(module: str, name: str) -> Any:
    """A class, for `isinstance`; no class at all while its module is not loaded: nothing can be one of its."""
    return getattr(sys.modules.get(module), name, ())
