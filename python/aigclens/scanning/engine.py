"""Scans, side by side: one is iterated, one is iterated asynchronously. Both drive the same engine of the core."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakSet

from aigclens import _native, doors
from aigclens.errors import AigcError, BudgetExceeded, ConfigError
from aigclens.options import wrong_type
from aigclens.scanning import budget as budgets
from aigclens.scanning import feeding, guard, inputs
from aigclens.scanning.inputs import InputOptions
from aigclens.scanning.inputs.item import Item
from aigclens.scanning.progress import Reporter
from aigclens.scanning.summary import Summary, described

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from aigclens.client import AsyncClient, Client
    from aigclens.scanning.progress import ProgressSink
    from aigclens.scanning.rows import ScanRow

__all__ = ["AsyncScan", "Scan", "ScanOptions"]

# Rows that are turned into Python objects together.
_BATCH = 256
# Items that are pulled before the rows are looked at again, and seconds for the same.
_PULL = 64
_PULL_SECONDS = 0.005
# Bytes of images for the same: from there on the core counts them.
_PULL_BYTES = 4 * 1024 * 1024
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
# Scans that nobody holds any more, with calls in flight, and how long those may take.
_left: dict[_native.Scan, float] = {}
_is_exiting = False


@atexit.register
def _close_all() -> None:
    # What is in flight when a program ends is waited for: it is paid for.
    global _is_exiting
    _is_exiting = True
    for drive in list(_live):
        with suppress(Exception):
            drive._shut()
    for native, patience in list(_left.items()):
        with suppress(Exception):
            native.close(patience)


def _forked() -> None:
    _live.clear()
    _left.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _stand_still() -> None:
    """A daemon thread whose scan the end of the program has closed has nothing to say of it, and nothing more to do."""
    if _is_exiting and threading.current_thread().daemon:
        threading.Event().wait()


def _reading(kind: type, options: dict[str, Any]) -> Any:
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
        self._pid = os.getpid()
        self._limit = client._limit
        self._extras: dict[int, Any] = {}
        self._fed = 0
        self._rows: deque[ScanRow] = deque()
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
        call = client._call((None,) * 8)
        try:
            self._native = _native.Scan(client._native, path, options, call)
        except TypeError as problem:
            wrong = wrong_type(problem)
            if wrong is None:
                raise
            raise wrong from None
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
        try:
            self._reporter = Reporter(progress, inputs.total(source), self.summary)
        except BaseException:
            # The store is free again when this is told.
            self._native.close(_SLACK)
            self._is_shut = True
            raise
        _live.add(self)

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
        held = 0
        try:
            while len(batch) < room and held < _PULL_BYTES:
                try:
                    item = next(items)
                except StopIteration:
                    self._is_pulled = True
                    break
                except Exception as failure:  # noqa: BLE001 - told once, after the rows of everything before it (L22)
                    self._failure, self._is_pulled = failure, True
                    break
                packed = self._pack(item)
                batch.append(packed)
                held += _size(packed[2])
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
        self._count()
        self._reporter.tell(self.state if not self._rows else None)
        return row

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
        _live.discard(self)
        if self._pid != os.getpid():
            # The terminal, the client and the files are the parent's.
            self._is_shut = True
            return
        try:
            self._count()
            self._conclude()
        finally:
            self._is_shut = True
            self._rows.clear()
            self._reporter.close()
            if self._owns_client:
                self._client.close()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(f"a {type(self).__name__} is under way in this process and does not pickle; pickle its rows")

    def __repr__(self) -> str:
        if not hasattr(self, "summary"):  # Its options were refused.
            return f"<{type(self).__name__} unfinished>"
        return f"<{type(self).__name__} {self.summary.items} items, {self.state}>"


class Scan(_Drive, Iterator["ScanRow"]):
    """A scan under way: an iterator of `ScanRow`, and a context manager. `aigclens.scan` and `Client.scan` make it.

    The input is pulled on the thread that iterates; calls go on in the background between two rows. Leaving early (a
    `break`, an exception, Ctrl-C) begins nothing more, and finishes and records what is in flight.

    Attributes:
        summary: The counts so far.
    """

    def __init__(self, client: Client, source: Any, **options: Any) -> None:
        # A source that cannot be read is told before there is a store.
        self._items = inputs.items(source, **_reading(type(self), options))
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
            _stand_still()
            if not self._is_shut:
                self.close()
            raise

    def _finish(self) -> None:
        if self._is_shut:
            raise StopIteration
        try:
            self.close()
        finally:
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
        given = _reading(type(self), options)
        self._is_async = hasattr(source, "__aiter__")
        self._items: Any = (inputs.aitems if self._is_async else inputs.items)(source, **given)
        # Ours read files and may wait for a disk; what the caller made is the loop's own.
        self._is_aside = isinstance(source, str | os.PathLike)
        # The next item, as it is or packed; and a pull that is under way on another thread. Neither is given up with
        # whoever waits for it.
        self._next: asyncio.Future[Any] | None = None
        self._pulling: asyncio.Future[None] | None = None
        # Settled when there are news: by the end of the scan at the latest.
        self._woken: asyncio.Future[None] | None = None
        super().__init__(client, source, **options)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ScanRow:
        try:
            return await self._anext()
        except AigcError:
            _stand_still()
            raise

    async def _anext(self) -> ScanRow:
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
            if self._pulling is None:
                loop = asyncio.get_running_loop()
                self._pulling = loop.run_in_executor(None, self._pull_from, self._items)
            await asyncio.wait({self._pulling})
            pulled, self._pulling = self._pulling, None
            pulled.result()
        else:
            self._pull_from(self._items)
            # Other tasks have their turn, however long the input is.
            await asyncio.sleep(0)

    async def _apull(self) -> bool:
        """Waits for the next item, or for rows. Says whether it was an item."""
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._items))
        if self._next.get_loop() is not asyncio.get_running_loop():
            raise RuntimeError("an asynchronous input is bound to the event loop that it began on; go on there")
        await asyncio.wait({self._next, self._waker()}, return_when=asyncio.FIRST_COMPLETED, timeout=_TICK)
        if not self._next.done():
            self._gather()
            self._reporter.tell(self.state)
            return False
        coming, self._next = self._next, None
        try:
            found = coming.result()
        except StopAsyncIteration:
            self._is_pulled = True
        except (Exception, asyncio.CancelledError) as failure:  # noqa: BLE001 - as above
            # Told once, after the rows of everything before it (L22).
            self._failure, self._is_pulled = failure, True
        else:
            if not isinstance(found, Item):
                self._native.feed([found])
            elif feeding.is_ready(found):
                self._native.feed([self._pack(found)])
            else:
                self._next = asyncio.ensure_future(doors.aside(self._packed, found))
        if self._is_pulled:
            self._native.end()
        return True

    def _packed(self, item: Any) -> Any:
        return self._pack(item)

    def _waker(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        if self._woken is None or self._woken.done() or self._woken.get_loop() is not loop:
            self._woken = loop.create_future()
            self._native.wake(doors.port(loop), self._woken)
        return self._woken

    async def _news(self) -> None:
        await asyncio.wait({self._waker()}, timeout=_TICK)
        self._native.hear()

    async def _finish(self) -> None:
        if self._is_shut:
            raise StopAsyncIteration
        try:
            await self.aclose()
        finally:
            why = self._why or self._failure
            if why is not None:
                raise why
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Begins nothing more, waits for what is in flight, and lets go of the store. Harmless when repeated.

        Where the waiting is cancelled, what is in flight is finished and recorded in the background.
        """
        try:
            if not self._is_shut:
                await self._end()
        finally:
            self._leave()
            close = getattr(self._items, "aclose", None)
            if close is not None:
                await close()
            elif hasattr(self._items, "close"):
                self._items.close()

    async def _end(self) -> None:
        """Ends the pulling, then what is in flight, then the store."""
        if self._pid != os.getpid():
            return
        self._native.stop()
        loop = asyncio.get_running_loop()
        if self._next is not None:
            self._next.cancel()
        mine = {one for one in (self._next, self._pulling) if one is not None and one.get_loop() is loop}
        if mine:
            await asyncio.wait(mine)
        self._next = self._pulling = None
        is_early, end = not self._is_over, time.monotonic() + self._patience
        while not self._is_over and time.monotonic() < end:
            if not self._gather():
                await self._news()
            self._rows.clear()
        self._is_over = not is_early
        await doors.aside(lambda _: self._native.close(0.0), None)
        self._let_go()

    def _leave(self) -> None:
        """Lets go without waiting. What is in flight goes on, and a program that ends waits for it."""
        if self._is_shut or self._pid != os.getpid():
            self._is_shut = True
            return
        for one in [native for native in _left if native.over]:
            del _left[one]
        _left[self._native] = self._patience
        self._native.leave()
        self._let_go()

    def __del__(self) -> None:
        if getattr(self, "_is_shut", True):
            return
        with suppress(Exception):
            if self._next is not None and not self._next.done():
                self._next.get_loop().call_soon_threadsafe(self._next.cancel)
            self._leave()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
