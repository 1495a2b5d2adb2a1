"""The asynchronous door: one port for each event loop, and one future for each call."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ReferenceType, WeakKeyDictionary, ref

from aigclens import _native

if TYPE_CHECKING:
    from aigclens.models import Detection

T = TypeVar("T")

_ports: WeakKeyDictionary[asyncio.AbstractEventLoop, _native.Port] = WeakKeyDictionary()
_lock = threading.Lock()
# The port that was asked for last, which is nearly always the one that is asked for next. Its loop keeps it.
_latest: ReferenceType[_native.Port] | None = None


def _forked() -> None:
    # The lock may have been held by a thread that the child does not have.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _let_go_of_closed() -> None:
    """A loop that was closed with calls under way is kept alive by their futures, which nobody will settle."""
    for loop, port in list(_ports.items()):
        if loop.is_closed():
            if port.pid == os.getpid():
                port.close()
            del _ports[loop]


def port(loop: asyncio.AbstractEventLoop) -> _native.Port:
    """The loop's own port, made when it is first asked for."""
    global _latest
    latest = None if _latest is None else _latest()
    if latest is not None and latest.serves(loop):
        return latest
    with _lock:
        found = _ports.get(loop)
        # A port of the parent process shares its socket with it.
        if found is None or found.pid != os.getpid():
            _let_go_of_closed()
            found = _ports[loop] = _native.Port(loop)
            try:
                loop.add_reader(found.fileno(), found.drain)
            except (NotImplementedError, ValueError, OSError):
                found.use_threadsafe()
        _latest = ref(found)
        return found


def start(
    client: _native.Client, source: str | tuple[Any, ...], options: tuple[Any, ...]
) -> tuple[asyncio.Future[Detection], _native.Handle]:
    """Starts a call: the future to wait for, and what drops the request once the waiting is given up."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Detection] = loop.create_future()
    return future, client.submit(port(loop), future, source, options)


async def aside(work: Callable[[object], T], argument: object) -> T:
    """Runs work on a thread of the loop's own, so that the loop goes on meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(None, work, argument)
