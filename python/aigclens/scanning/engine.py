"""Scans, side by side: one is iterated, one is iterated asynchronously. Both drive the same engine of the core."""

from __future__ import annotations

import asyncio
import atexit
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakSet

from aigclens import _native, doors
from aigclens.errors import AigcError, BudgetExceeded, ConfigError
from aigclens.scanning import budget as budgets
from aigclens.scanning import feeding, guard, inputs
from aigclens.scanning.inputs import InputOptions
from aigclens.scanning.progress import Reporter
from aigclens.scanning.summary import Summary, described

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from aigclens.client import AsyncClient, Client
    from aigclens.scanning.inputs import Item
    from aigclens.scanning.progress import ProgressSink
    from aigclens.scanning.rows import ScanRow

__all__ = ["AsyncScan", "Scan", "ScanOptions"]

# Rows that are turned into Python objects together.
_BATCH = 256
# Items that are pulled before the rows are looked at again, and seconds for the same.
_PULL = 64
_PULL_SECONDS = 0.005
# Seconds until progress is told of again while there are no rows.
_TICK = 0.1
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
    progress: ProgressSink


_live: WeakSet[_Drive] = WeakSet()


@atexit.register
def _close_all() -> None:
    # What is in flight when a program ends is waited for: it is paid for.
    for drive in list(_live):
        with suppress(Exception):
            drive._shut()


def _of_inputs(options: dict[str, Any]) -> Any:
    return {name: value for name, value in options.items() if name in InputOptions.__annotations__}


class _Drive:
    """What both kinds of scans share: feeding, counting and ending."""

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
        progress: ProgressSink = None,
        owns_client: bool = False,
        **_options_of_inputs: Unpack[InputOptions],
    ) -> None:
        micro = budgets.parse(budget)
        self._client, self._owns_client = client, owns_client
        self._limit = client._limit
        self._extras: dict[int, Any] = {}
        self._fed = 0
        self._rows: deque[ScanRow] = deque()
        self._is_pulled = self._is_over = self._is_shut = False
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
        path = None if store is None else os.fspath(store)
        if path is not None:
            guard.install()
        call = client._call((None,) * 8)
        try:
            self._native = _native.Scan(client._native, path, options, call)
        except TypeError as problem:
            raise ConfigError(f"a scan's option has a value of the wrong type: {problem}") from None
        _live.add(self)
        _limit, billed, possibly = self._native.balance
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
        self._reporter = Reporter(progress, inputs.total(source), self.summary)

    @property
    def state(self) -> str:
        """`running`, `paused: ` and why, `stopping`, or `over`."""
        if self._is_over:
            return "over"
        if self._native.stopped:
            return "stopping"
        why = self._native.paused
        return "running" if why is None else f"paused: {why}"

    def stop(self) -> None:
        """Begins nothing more. What is in flight is finished, recorded and still handed out; then the iteration ends.

        May be called by a signal handler or another thread; harmless when repeated.
        """
        self._native.stop()

    def _pack(self, item: Item) -> tuple[str, str, Any]:
        packed = feeding.packed(item, self._limit)
        if item.extra:
            self._extras[self._fed] = item.extra
        self._fed += 1
        return packed

    def _pull_from(self, items: Iterator[Item]) -> None:
        """Feeds what there is room for, until it takes too long: rows may be waiting."""
        room = min(self._native.room(), _PULL)
        end = time.monotonic() + _PULL_SECONDS
        batch: list[tuple[str, str, Any]] = []
        try:
            while len(batch) < room:
                try:
                    item = next(items)
                except StopIteration:
                    self._is_pulled = True
                    break
                except Exception as failure:  # noqa: BLE001 - told once, after the rows of everything before it (L22)
                    self._failure, self._is_pulled = failure, True
                    break
                batch.append(self._pack(item))
                if time.monotonic() > end:
                    break
        finally:
            self._native.feed(batch)
        if self._is_pulled:
            self._native.end()

    def _gather(self) -> bool:
        """Takes rows that are ready. Says whether there is something to go on with."""
        rows, self._is_over, why = self._native.take(_BATCH, self._extras)
        if why is not None:
            self._why = why
        self._rows.extend(rows)
        return bool(rows) or self._is_over

    def _hand_out(self) -> ScanRow:
        row = self._rows.popleft()
        self.summary.add(row)
        if not self._rows:
            self._count()
        self._reporter.tell(self.state if not self._rows else None)
        return row

    def _count(self) -> None:
        _, billed, possibly = self._native.balance
        price = budgets.MICRO_PER_CALL
        self.summary.spend((billed - self._before[0]) // price, max(0, possibly - self._before[1]) // price)

    def _conclude(self) -> None:
        """Everything was handed out."""
        why = self._why
        resume = None
        if why is not None or self._native_stopped():
            resume = "run the scan again with the same store to go on" if self.summary.store else None
            if isinstance(why, BudgetExceeded):
                resume = "run the scan again with the same store and a larger budget to go on"
        self.summary.end(None if why is None else f"{type(why).__name__}: {why}", resume)
        self.summary.skipped = getattr(self._items, "skipped", 0)
        self._reporter.end(self.state)

    def _native_stopped(self) -> bool:
        with suppress(AigcError):
            return self._native.stopped
        return False

    def _shut(self, patience: float | None = None) -> None:
        """Waits for what is in flight, and lets go of store, progress and client."""
        if self._is_shut:
            return
        try:
            if not self._is_over:
                self._count()
            self._native.close(self._patience if patience is None else patience)
        finally:
            self._is_shut = True
            _live.discard(self)
            self._reporter.close()
            if self._owns_client:
                self._client.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.summary.items} items>"


class Scan(_Drive, Iterator["ScanRow"]):
    """A scan under way: an iterator of `ScanRow`, and a context manager. `aigclens.scan` and `Client.scan` make it.

    The input is pulled on the thread that iterates; calls go on in the background between two rows. Leaving early (a
    `break`, an exception, Ctrl-C) begins nothing more, and finishes and records what is in flight.

    Attributes:
        summary: The counts so far.
    """

    def __init__(self, client: Client, source: Any, **options: Any) -> None:
        # A source that cannot be read is told before there is a store.
        self._items = inputs.items(source, **_of_inputs(options))
        super().__init__(client, source, **options)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ScanRow:
        try:
            while not self._rows:
                if self._is_over:
                    self._finish()
                if not self._is_pulled and not self._native.has_news and self._native.room() > 0:
                    self._pull_from(self._items)
                elif not self._gather():
                    self._reporter.tell(self.state)
                    self._native.wait(_TICK)
            return self._hand_out()
        except StopIteration:
            raise
        except BaseException:
            if not self._is_shut:
                self.close()
            raise

    def _finish(self) -> None:
        if self._is_shut:
            raise StopIteration
        self._conclude()
        self.close()
        why = self._why or self._failure
        if why is not None:
            raise why
        raise StopIteration

    def close(self) -> None:
        """Begins nothing more, waits for what is in flight, and lets go of the store. Harmless when repeated.

        Waits as long as a call in flight may take. A second Ctrl-C ends the waiting; the store is then let go of once
        the calls have ended.
        """
        try:
            self._shut()
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_is_shut", True):
            with suppress(Exception):
                self.close()


class AsyncScan(_Drive, AsyncIterator["ScanRow"]):
    """`Scan`, iterated by `async for`; also a context manager. `aigclens.ascan` and `AsyncClient.scan` make it.

    The input may be an asynchronous iterable too. Cancelling the task that iterates drops no request: what is in flight
    is finished and recorded in the background.
    """

    def __init__(self, client: AsyncClient, source: Any, **options: Any) -> None:
        self._is_async = hasattr(source, "__aiter__")
        self._items: Any = (inputs.aitems if self._is_async else inputs.items)(source, **_of_inputs(options))
        super().__init__(client, source, **options)
        # Ours read files and may wait for a disk; what the caller made is the loop's own.
        self._is_aside = isinstance(source, str | os.PathLike)
        self._next: asyncio.Future[Item] | None = None
        # Settled when there are news: by the end of the scan at the latest.
        self._woken: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ScanRow:
        while not self._rows:
            if self._is_over:
                await self._finish()
            if not self._is_pulled and not self._native.has_news and self._native.room() > 0:
                if not self._is_async:
                    await self._pull()
                elif await self._apull():
                    continue
            elif not self._gather():
                self._reporter.tell(self.state)
                await self._news()
        return self._hand_out()

    async def _pull(self) -> None:
        if self._is_aside:
            await doors.aside(lambda _: self._pull_from(self._items), None)
        else:
            self._pull_from(self._items)
            # Other tasks have their turn, however long the input is.
            await asyncio.sleep(0)

    async def _apull(self) -> bool:
        """Waits for the next item, or for rows. Says whether it was an item."""
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._items))
        await asyncio.wait({self._next, self._waker()}, return_when=asyncio.FIRST_COMPLETED, timeout=_TICK)
        if not self._next.done():
            self._gather()
            return False
        coming, self._next = self._next, None
        try:
            item = coming.result()
        except StopAsyncIteration:
            self._is_pulled = True
        except Exception as failure:  # noqa: BLE001 - as above
            self._failure, self._is_pulled = failure, True
        else:
            packed = self._pack(item) if feeding.is_ready(item) else await doors.aside(self._packed, item)
            self._native.feed([packed])
        if self._is_pulled:
            self._native.end()
        return True

    def _packed(self, item: Any) -> Any:
        return self._pack(item)

    def _waker(self) -> asyncio.Future[None]:
        if self._woken is None or self._woken.done():
            loop = asyncio.get_running_loop()
            self._woken = loop.create_future()
            self._native.wake(doors.port(loop), self._woken)
        return self._woken

    async def _news(self) -> None:
        await asyncio.wait({self._waker()}, timeout=_TICK)
        self._native.hear()

    async def _finish(self) -> None:
        if self._is_shut:
            raise StopAsyncIteration
        self._conclude()
        await self.aclose()
        why = self._why or self._failure
        if why is not None:
            raise why
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Begins nothing more, waits for what is in flight, and lets go of the store. Harmless when repeated."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        try:
            if not self._is_shut:
                self.stop()
                await doors.aside(lambda _: self._shut(), None)
        finally:
            close = getattr(self._items, "aclose", None)
            if close is not None:
                await close()
            elif hasattr(self._items, "close"):
                self._items.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
