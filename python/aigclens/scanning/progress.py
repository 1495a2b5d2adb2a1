"""How far a scan is: told to a function, a bar of tqdm (in notebooks too), or a line on the standard error."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from aigclens.errors import ConfigError
from aigclens.logs import logger
from aigclens.precautions import shown

if TYPE_CHECKING:
    from aigclens.scanning.summary import Summary

__all__ = ["Line", "Progress", "ProgressSink", "Reporter", "described", "span"]

# Seconds between two tellings at least, and those that the rate is taken over.
_EVERY = 0.1
_WINDOW = 30.0
# Seconds between two lines where nobody sees one change.
_LINES_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What `progress=` is told, some ten times a second at most, and once at the end.

    Attributes:
        done: Rows so far.
        total: Items in all, where the input says how many it has.
        ok: Rows with an answer.
        failed: Rows without.
        cached: Rows whose answer was in the store before this run.
        duplicates: Rows of a content that an earlier row had.
        billed: Calls of this run that were charged.
        possibly_billed: Calls of this run that may have been charged.
        spent_usd: What this run was charged and may have been charged, in dollars, exactly.
        rate: Rows a second, over the last half minute; at the end, over the whole run.
        eta: Seconds until the end at that rate, where the total is known.
        state: `running`, `paused: ` and why, `stopping`, or `over`.
    """

    done: int
    total: int | None
    ok: int
    failed: int
    cached: int
    duplicates: int
    billed: int
    possibly_billed: int
    spent_usd: Decimal
    rate: float
    eta: float | None
    state: str


ProgressSink: TypeAlias = bool | Callable[[Progress], object] | None
"""What `progress=` takes."""


class Reporter:
    """Tells of a scan's progress while it runs, and not too often. What a callback raises is logged once and goes no
    further: what was paid for goes on.
    """

    def __init__(
        self,
        sink: ProgressSink,
        total: int | None,
        summary: Summary,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Tells of nothing yet.

        Args:
            sink: `True` for a bar, a function, or `False` or `None`.
            total: Items in all, where it is known.
            summary: The counts.
            clock: The time that spans are measured with.

        Raises:
            ConfigError: The sink is none of these.
        """
        if not (sink is None or isinstance(sink, bool) or callable(sink)) or iscoroutinefunction(sink):
            kind = "an async function" if callable(sink) else type(sink).__name__
            raise ConfigError(f"progress is True, a plain function or None, not {kind}")
        self._sink: Callable[[Progress], object] | None = None
        if sink is True:
            self._sink = _bar()
        elif callable(sink):
            self._sink = sink
        self._total, self._summary, self._clock = total, summary, clock
        self._state = "running"
        self._next = float("-inf")
        self._is_ended = self._is_broken = False
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])

    @property
    def is_heard(self) -> bool:
        """Whether anybody is told."""
        return self._sink is not None

    def tell(self, state: str | None = None) -> None:
        """There may be news. Costs next to nothing where it is too early.

        Args:
            state: What the scan does; `None` for what it did.
        """
        # The end is told by `end`, once.
        if self._sink is None or state == "over":
            return
        if state is not None:
            self._state = state
        now = self._clock()
        if now < self._next:
            return
        self._next = now + _EVERY
        self._say(now)

    def end(self, state: str = "over") -> None:
        """Tells of the end, whenever the last time was. Harmless when repeated."""
        if self._sink is None or self._is_ended:
            return
        self._is_ended, self._state = True, state
        self._say(self._clock())

    def close(self) -> None:
        """Lets go of the bar."""
        sink, self._sink = self._sink, None
        close = getattr(sink, "close", None) if isinstance(sink, Line | _Bar) else None
        if close is not None:
            self._tried(close)

    def _say(self, now: float) -> None:
        sink = self._sink
        if sink is not None:
            progress = self._progress(now)
            self._tried(lambda: sink(progress))

    def _tried(self, tell: Callable[[], object]) -> None:
        try:
            tell()
        except Exception as problem:  # noqa: BLE001 - what is told is no reason to end what is paid for
            if not self._is_broken:
                self._is_broken = True
                message = "progress raised %s; the scan goes on, and this is not said again"
                logger.error(message, type(problem).__name__, exc_info=problem)

    def _progress(self, now: float) -> Progress:
        counts, samples = self._summary, self._samples
        done = counts.items
        if now - samples[-1][0] >= 1.0:
            samples.append((now, done))
            while len(samples) > 2 and now - samples[1][0] > _WINDOW:
                samples.popleft()
        since, before = samples[0]
        # At the end, that of the whole run.
        rate = (done - before) / (now - since) if now - since >= _EVERY / 2 and not self._is_ended else counts.rate
        left = None if self._total is None else max(0, self._total - done)
        return Progress(
            done=done,
            total=self._total,
            ok=counts.ok,
            failed=counts.failed,
            cached=counts.cached,
            duplicates=counts.duplicates,
            billed=counts.billed_calls,
            possibly_billed=counts.possibly_billed_calls,
            spent_usd=counts.billed_usd + counts.possibly_billed_usd,
            rate=rate,
            eta=None if left is None or rate <= 0 else left / rate,
            state=self._state,
        )


def span(seconds: float) -> str:
    """A span of time as people read it: `0:07`, `2:46:40`."""
    whole = int(min(max(seconds, 0), 10**9))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def described(progress: Progress) -> str:
    """Progress as one line for people."""
    of = f"/{progress.total:,} ({progress.done / progress.total:.1%})" if progress.total else ""
    parts = [f"{progress.done:,}{of}", f"{progress.rate:.1f}/s", f"{progress.spent_usd:f} USD"]
    if progress.eta is not None and progress.state != "over":
        parts.append(f"ETA {span(progress.eta)}")
    parts.append(f"errors {progress.failed:,}")
    parts += [
        f"{name} {count:,}"
        for name, count in (
            ("cached", progress.cached),
            ("duplicates", progress.duplicates),
            ("possibly billed", progress.possibly_billed),
        )
        if count
    ]
    if progress.state not in ("running", "over"):
        parts.append(progress.state)
    return shown("  ".join(parts))


class Line:
    """Progress on a text stream: one line that changes on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, stream: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._is_terminal = stream is not None and stream.isatty()
        self._width = 0
        self._next = clock() + _LINES_EVERY
        self._last = ""

    def __call__(self, progress: Progress) -> None:
        """Shows it."""
        if self._stream is None:
            return
        line = described(progress)
        if self._is_terminal:
            import shutil

            line = line[: max(20, shutil.get_terminal_size().columns - 1)]
            self._stream.write("\r" + line.ljust(self._width) + ("\b" * max(0, self._width - len(line))))
            self._width = len(line)
        elif (progress.state == "over" or self._clock() >= self._next) and line != self._last:
            self._next, self._last = self._clock() + _LINES_EVERY, line
            self._stream.write(line + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Makes room for another line."""
        if self._stream is not None and self._is_terminal and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0

    def close(self) -> None:
        """Leaves the last line where it is."""
        if self._stream is not None and self._is_terminal and self._width:
            self._stream.write("\n")
            self._stream.flush()
            self._width = 0


class _Bar:
    """A bar of tqdm, which knows terminals and notebooks."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._bar: Any = None

    def __call__(self, progress: Progress) -> None:
        if self._bar is None:
            self._bar = self._make(total=progress.total, unit="image", dynamic_ncols=True)
        facts = f"{progress.spent_usd:f} USD, errors {progress.failed}"
        if progress.state not in ("running", "over"):
            facts += f", {shown(progress.state)}"
        self._bar.set_postfix_str(facts, refresh=False)
        self._bar.update(progress.done - self._bar.n)
        if progress.state == "over":
            self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _bar() -> Callable[[Progress], object]:
    try:
        tqdm = import_module("tqdm.auto").tqdm
    except ImportError:
        return Line(sys.stderr)
    return _Bar(tqdm)
