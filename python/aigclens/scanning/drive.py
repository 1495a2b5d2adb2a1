"""What both kinds of scans share: feeding the engine of the core, counting what comes out of it, and ending."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from operator import length_hint
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakSet

from aigclens import _native
from aigclens.errors import BudgetExceeded, ConfigError
from aigclens.options import wrong_type
from aigclens.scanning import budget as budgets
from aigclens.scanning import feeding, guard, inputs
from aigclens.scanning.counts import Batch
from aigclens.scanning.inputs import InputOptions
from aigclens.scanning.progress import Reporter
from aigclens.scanning.summary import Summary, described

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from aigclens.client import AsyncClient, Client
    from aigclens.models import EvidenceSource
    from aigclens.options import Precheck
    from aigclens.scanning.inputs import Item
    from aigclens.scanning.inputs.sequence import Elements
    from aigclens.scanning.progress import ProgressSink
    from aigclens.scanning.rows import ScanRow

__all__ = ["Drive", "ScanOptions"]

# Rows that are turned into Python objects together.
_BATCH = 256
# Items that are pulled before the rows are looked at again, and seconds for the same.
_PULL = 64
_PULL_SECONDS = 0.005
# Bytes of images for the same: from there on the core counts them.
_PULL_BYTES = 4 * 1024 * 1024
# Seconds until progress is told of again while there are no rows.
TICK = 0.1
# Seconds beyond the time-out of a request that closing waits for what is in flight.
_SLACK = 5.0


class ScanOptions(InputOptions, total=False):
    """What a scan can be told; `aigclens.scan` describes it."""

    store: str | os.PathLike[str] | None
    budget: int | str | None
    concurrency: int
    ordered: bool
    retry: Literal["none", "unresolved", "errors"]
    data_id: Literal["key", "hash"] | None
    patience: float
    precheck: Precheck
    skip_sources: Sequence[EvidenceSource] | None
    progress: ProgressSink


live: WeakSet[Drive] = WeakSet()
# Scans that nobody holds any more, with calls in flight, and how long those may take.
left: dict[_native.Scan, float] = {}
_is_exiting = False


@atexit.register
def _close_all() -> None:
    # What is in flight when a program ends is waited for: it is paid for.
    global _is_exiting
    _is_exiting = True
    for drive in list(live):
        with suppress(Exception):
            drive._shut()
    for native, patience in list(left.items()):
        with suppress(Exception):
            native.close(patience)


def _forked() -> None:
    for drive in list(live):
        drive.summary.renew()
    live.clear()
    left.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def stand_still() -> None:
    """A daemon thread whose scan the end of the program has closed has nothing to say of it, and nothing more to do."""
    if _is_exiting and threading.current_thread().daemon:
        threading.Event().wait()


def reading(kind: type, options: dict[str, Any]) -> Any:
    """The options that say how the input is read. An option that nobody knows is refused by name."""
    known = ScanOptions.__annotations__ | InputOptions.__annotations__
    unknown = sorted(options.keys() - known.keys() - {"owns_client"})
    if unknown:
        raise TypeError(f"a {kind.__name__} takes {', '.join(known)}, not {', '.join(unknown)}")
    return {name: value for name, value in options.items() if name in InputOptions.__annotations__}


def _place(store: Any) -> str | None:
    if store is None:
        return None
    if not isinstance(store, str | bytes | os.PathLike):
        raise ConfigError(f"store is a path or None, not {type(store).__name__}")
    return os.fsdecode(store)


def _size(parts: Any) -> int:
    """Bytes that a packed source holds; as good as many where only the core knows."""
    if not isinstance(parts, tuple):
        return 0
    return len(parts[1]) if parts[0] == "bytes" else _PULL_BYTES * (parts[0] == "member")


class Drive:
    """A scan under way, however it is waited for."""

    # The kind of door sets it before it begins.
    _items: Any

    def __init__(
        self,
        client: Client | AsyncClient,
        source: Any,
        *,
        store: str | os.PathLike[str] | None = None,
        budget: int | str | None = None,
        concurrency: int = 16,
        ordered: bool = False,
        retry: Literal["none", "unresolved", "errors"] = "unresolved",
        data_id: Literal["key", "hash"] | None = None,
        patience: float = 900.0,
        precheck: Precheck | None = None,
        skip_sources: Sequence[EvidenceSource] | None = None,
        progress: ProgressSink = None,
        owns_client: bool = False,
        **_: Unpack[InputOptions],
    ) -> None:
        micro = budgets.parse(budget)
        self._client, self._owns_client = client, owns_client
        self._pid = os.getpid()
        self._limit = client._limit
        self._extras: dict[int, Any] = {}
        # Rows to hand out; whoever gathers more of them does so alone.
        self._rows: Iterator[ScanRow] = iter(())
        self._gathering = threading.RLock()
        self._is_pulled = self._is_over = self._is_shut = self._is_stopped = False
        self._why: BaseException | None = None
        self._failure: BaseException | None = None
        timeout = client._calls.get("timeout") or client._options["timeout"]
        self._patience = float(timeout) * 2 + _SLACK
        options = {
            "concurrency": concurrency,
            "ordered": ordered,
            "budget": micro,
            "retry": retry,
            "data_id": data_id,
            "patience": patience,
        }
        path = _place(store)
        if path is not None:
            guard.install()
        call = client._call((None,) * 8, precheck, skip_sources)
        try:
            self._native = _native.Scan(client._native, path, options, call)
        except TypeError as problem:
            wrong = wrong_type(problem)
            if wrong is None:
                raise
            raise wrong from None
        billed, possibly = self._native.balance[1:]
        self._before = (billed, possibly)
        self.summary = Summary(
            service=client._calls.get("service") or client._options["service"],
            endpoint=client.endpoint,
            region=client.region,
            budget=micro,
            spent_before=billed + possibly,
            inputs=described(source),
            store=path,
        )
        try:
            self._reporter = Reporter(progress, inputs.total(source), self.summary)
            self._is_heard = self._reporter.is_heard
        except BaseException:
            # The store is free again when this is told.
            self._native.close(_SLACK)
            self._is_shut = True
            raise
        live.add(self)

    @property
    def state(self) -> str:
        """`running`, `paused: ` and why, `stopping`, or `over`."""
        if self._is_over or self._is_shut:
            return "over"
        if self._native.stopped:
            return "stopping"
        why = self._native.paused
        return "running" if why is None else f"paused: {why}"

    def stop(self) -> None:
        """Begins nothing more. What is in flight is finished, recorded and still handed out; then the iteration ends.

        May be called by a signal handler or another thread; harmless when repeated.
        """
        self._is_stopped = True
        self._native.stop()

    def _pack(self, item: Item, before: int = 0) -> tuple[str, str, Any]:
        """An item as the core takes it; so many are packed before it, and not yet fed."""
        packed = feeding.packed(item, self._limit)
        if item.extra:
            self._extras[self._native.fed + before] = item.extra
        return packed

    def _pull_from(self, items: Iterator[Item]) -> None:
        """Feeds what there is room for, until it takes too long: rows may be waiting."""
        room = min(self._native.room(), _PULL)
        end = time.monotonic() + _PULL_SECONDS
        if not self._pull_urls(items, room):
            self._pull_items(items, room, end)
        if self._is_pulled:
            self._native.end()

    def _pull_urls(self, items: Iterator[Item], room: int) -> bool:
        """The same for the plain URLs that come first, if any do. Says whether that is all for now."""
        elements: Elements | None = getattr(items, "elements", None)
        if elements is None:
            return False
        try:
            return elements.urls(lambda urls: self._native.pull(urls, room, _PULL_SECONDS))
        except StopIteration:
            self._is_pulled = True
        except Exception as failure:  # noqa: BLE001
            # Told once, after the rows of everything before it (L22).
            self._failure, self._is_pulled = failure, True
        return True

    def _pull_items(self, items: Iterator[Item], room: int, end: float) -> None:
        """The same for items that have to be looked at one by one."""
        batch: list[tuple[str, str, Any]] = []
        held = 0
        try:
            while len(batch) < room and held < _PULL_BYTES:
                try:
                    item = next(items)
                except StopIteration:
                    self._is_pulled = True
                    break
                except Exception as failure:  # noqa: BLE001
                    # Told once, after the rows of everything before it (L22).
                    self._failure, self._is_pulled = failure, True
                    break
                packed = self._pack(item, len(batch))
                batch.append(packed)
                held += _size(packed[2])
                if time.monotonic() > end:
                    break
        finally:
            self._native.feed(batch)

    def _gather(self) -> bool:
        """Takes rows that are ready. Says whether there is something to go on with."""
        with self._gathering:
            # Another thread or task may have been here meanwhile.
            if length_hint(self._rows):
                return True
            rows, tally, self._is_over, why = self._native.take(_BATCH, self._extras)
            if why is not None:
                self._why = why
            if rows:
                # The ledger is ahead of the rows that are handed out one after the other, and never behind them.
                self._count()
                batch = Batch(rows, tally)
                self.summary.follow(batch)
                self._rows = batch.left
            return bool(rows) or self._is_over

    def _drop(self) -> None:
        """Rows that were not handed out never will be."""
        self.summary.follow(None)
        self._rows = iter(())

    def _tell(self) -> None:
        self._reporter.tell(None if length_hint(self._rows) else self.state)

    def _count(self) -> None:
        _, billed, possibly = self._native.balance
        price = budgets.MICRO_PER_CALL
        self.summary.spend((billed - self._before[0]) // price, max(0, possibly - self._before[1]) // price)

    def _conclude(self) -> None:
        """The iteration ends here, for whatever reason."""
        why = self._why or self._failure
        stopped = None if why is None else f"{type(why).__name__}: {feeding.line(why)}"
        if why is None and not self._is_over:
            stopped = "closed before its end"
        elif why is None and self._is_stopped:
            stopped = "stopped"
        resume = None
        if stopped is not None and self.summary.store is not None:
            larger = " and a larger budget" if isinstance(why, BudgetExceeded) else ""
            resume = f"run the scan again with the same store{larger} to go on"
        self.summary.end(stopped, resume)
        self.summary.skipped = getattr(self._items, "skipped", 0)
        self._reporter.end("over")

    def _shut(self) -> None:
        """Waits for what is in flight, and lets go of store, progress and client."""
        if self._is_shut:
            return
        try:
            if self._pid == os.getpid():
                self._native.close(self._patience)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """The core is through with it."""
        if self._is_shut:
            return
        live.discard(self)
        if self._pid != os.getpid():
            # The terminal, the client and the files are the parent's.
            self._is_shut = True
            return
        try:
            self._count()
            self._conclude()
        finally:
            self._is_shut = True
            self._drop()
            self._reporter.close()
            if self._owns_client:
                self._client.close()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(f"a {type(self).__name__} is under way in this process and does not pickle; pickle its rows")

    def __repr__(self) -> str:
        if not hasattr(self, "summary"):  # Its options were refused.
            return f"<{type(self).__name__} unfinished>"
        return f"<{type(self).__name__} {self.summary.items} items, {self.state}>"
