"""Who observes a call. What it takes to log or to describe events is loaded when somebody hears of one, not before."""

from __future__ import annotations

import os
import sys

from aigclens import late
from aigclens.errors import ConfigError

# What `typing` calls so, without importing it: type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from aigclens.events import Observer

__all__ = ["VARIABLE", "Watch", "check_observer", "configure"]

VARIABLE = "AIGCLENS_LOG"


def configure() -> None:
    """Reads `AIGCLENS_LOG`, once, when the first client is made."""
    if os.environ.get(VARIABLE):
        late.logs().configure()


def check_observer(on_event: Observer | None) -> None:
    """Refuses what cannot be called, and what would have to be awaited."""
    if on_event is None:
        return
    from inspect import iscoroutinefunction

    if not callable(on_event) or iscoroutinefunction(on_event):
        kind = "an async function" if callable(on_event) else type(on_event).__name__
        raise ConfigError(f"on_event is a plain function or None, not {kind}")


class Watch:
    """One client's events: logged, and handed to its `on_event`."""

    __slots__ = ("on_event", "throttled")

    def __init__(self, on_event: Observer | None) -> None:
        self.on_event = on_event
        # When throttling was last warned of.
        self.throttled = float("-inf")
        if on_event is not None:
            # If this cannot be loaded, who will need it learns it here, and not from a call that was paid for.
            late.logs()

    def observer(self) -> tuple[Callable[[Any], None] | None, int]:
        """Who observes the next call, and how much: 0 warnings, 1 retries too, 2 everything; nobody costs nothing."""
        if self.on_event is None and "logging" not in sys.modules:
            # A log that nobody has touched is one that shows warnings.
            return self, 0
        observed: tuple[Callable[[Any], None] | None, int] = late.logs().observer(self)
        return observed

    def __call__(self, parts: Any) -> None:
        """Hears of an event, and logs it."""
        try:
            logs = late.logs()
        except Exception as problem:  # noqa: BLE001
            # As where a file of the program's own has the name of a module of Python's. The call goes on.
            if sys.stderr is not None:
                sys.stderr.write(f"aigclens: a warning cannot be logged: {type(problem).__name__}: {problem}\n")
            return
        logs.tell(self, parts)
