"""Events as records of the standard `logging`, under the logger `aigclens`.

`DEBUG` has every attempt, `INFO` what is tried again, `WARNING` throttling (once a minute for each client) and what a
client warns of. `AIGCLENS_LOG=debug` in the environment (or `info`, `warning`) shows them on standard error without a
line of code.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from aigclens import events
from aigclens.watch import VARIABLE

if TYPE_CHECKING:
    from aigclens.watch import Watch

logger = logging.getLogger("aigclens")

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_THROTTLED_EVERY = 60.0


def configure() -> None:
    """Shows what `AIGCLENS_LOG` names on standard error; once, however often it is called."""
    level = _LEVELS.get(os.environ.get(VARIABLE, "").strip().lower())
    if level is None or any(handler.get_name() == VARIABLE for handler in logger.handlers):
        return
    handler = logging.StreamHandler()
    handler.set_name(VARIABLE)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(level)


def _level(event: events.Event) -> int:
    match event:
        case events.Throttled() | events.Warned():
            return logging.WARNING
        case events.AttemptRetried():
            return logging.INFO
        case _:
            return logging.DEBUG


def describe(event: events.Event) -> str:
    """An event as one line for people."""
    name = f"call {event.call}" + (f" ({event.data_id})" if event.data_id else "")
    match event:
        case events.AttemptStarted():
            return f"{name} attempt {event.attempt}: {event.operation} to {event.endpoint}, waited {event.waited:.3f} s"
        case events.AttemptFinished():
            code = f", code {event.code}" if event.code else ""
            request = f", request id {event.request_id}" if event.request_id else ""
            return (
                f"{name} attempt {event.attempt}: {event.operation} {event.outcome}, {event.billing}"
                f"{code}{request}, {event.elapsed:.3f} s"
            )
        case events.AttemptRetried():
            return f"{name}: {event.operation} again in {event.wait:.3f} s after {event.outcome}"
        case events.Throttled():
            wish = "" if event.retry_after is None else f", asked to wait {event.retry_after:.3f} s"
            return f"{name}: {event.operation} throttled (code {event.code}){wish}"
        case events.Warned():
            return f"{name}: {event.message}"
        case _:
            return name


def observer(watch: Watch) -> tuple[Callable[[Any], None] | None, int]:
    """`Watch.observer`, as the logger and the client's `on_event` have it now."""
    if watch.on_event is not None:
        # What the caller's context holds, such as the current span, is what the callback sees on any thread.
        context = copy_context()
        return lambda parts: context.run(tell, watch, parts), 2
    # Whoever wants the more wants the less: most loggers are asked twice.
    if not logger.isEnabledFor(logging.INFO):
        return (watch if logger.isEnabledFor(logging.WARNING) else None), 0
    return watch, 2 if logger.isEnabledFor(logging.DEBUG) else 1


def tell(watch: Watch, parts: Any) -> None:
    """Logs what the core hands up, and hands it to the client's `on_event`."""
    event = events.read(parts)
    level = _level(event)
    if isinstance(event, events.Throttled):
        now = time.monotonic()
        if now - watch.throttled < _THROTTLED_EVERY:
            level = logging.INFO
        else:
            watch.throttled = now
    _log(level, describe(event), event)
    if watch.on_event is None:
        return
    # What a callback raises is its own trouble: a call that may have been paid for goes on.
    try:
        watch.on_event(event)
    except Exception as problem:  # noqa: BLE001
        message = f"on_event raised {type(problem).__name__} on {type(event).__name__}; the call goes on"
        _log(logging.ERROR, message, event, exc_info=problem)


def _log(level: int, message: str, event: events.Event, exc_info: BaseException | None = None) -> None:
    if not logger.isEnabledFor(level):
        return
    try:
        logger.log(level, "%s", message, extra={"event": event}, exc_info=exc_info)
    except Exception:  # noqa: BLE001
        # As `logging` does for handlers that deal with their own errors: one report on standard error.
        record = logger.makeRecord(logger.name, level, __file__, 0, message, (), None)
        logging.NullHandler().handleError(record)
