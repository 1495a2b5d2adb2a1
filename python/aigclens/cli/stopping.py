"""Ctrl-C and SIGTERM while a scan runs: the first ends it gently, the second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Stopping"]

_GENTLY = "stopping: what is in flight is finished and kept; once more stops now"
_NOW = "stopped; what was in flight may have been charged, and is listed by `aigclens store unresolved`"


class Stopping:
    """Looks after signals while it is entered.

    Attributes:
        number: The first signal that came, or `None`.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._scan: Any = None
        self._before: dict[int, Any] = {}

    def watch(self, scan: Any) -> None:
        """The scan that is to be stopped. One that comes after the signal is stopped right away."""
        self._scan = scan
        if self.number is not None:
            scan.stop()

    @property
    def code(self) -> int:
        """The exit code by custom: 128 and the signal's number."""
        return 128 + (self.number or 0)

    def __enter__(self) -> Self:
        # Handlers belong to the main thread; elsewhere whoever runs us looks after signals.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on(self, number: int, _frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            _say(_GENTLY)
            if self._scan is not None:
                self._scan.stop()
            return
        _say(_NOW)
        # Whatever is written is whole at any moment: neither the store nor an output needs us to tidy up.
        os._exit(128 + number)


def _say(text: str) -> None:
    # Past all buffers: the signal may have come while one of them was being written to.
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            start = "\n" if sys.stderr.isatty() else ""
            os.write(sys.stderr.fileno(), f"{start}aigclens: {text}\n".encode())
