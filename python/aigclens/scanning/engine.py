"""Scans, side by side: one is iterated, one is iterated asynchronously. Both drive the same engine of the core."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aigclens import doors
from aigclens.errors import AigcError
from aigclens.scanning import feeding, inputs
from aigclens.scanning.drive import TICK, Drive, ScanOptions, left, reading, stand_still
from aigclens.scanning.inputs.item import Item

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from aigclens.client import AsyncClient, Client
    from aigclens.scanning.rows import ScanRow

__all__ = ["AsyncScan", "Scan", "ScanOptions"]


class Scan(Drive, Iterator["ScanRow"]):
    """A scan under way: an iterator of `ScanRow`, and a context manager. `aigclens.scan` and `Client.scan` make it.

    The input is pulled on the thread that iterates; calls go on in the background between two rows. Leaving early (a
    `break`, an exception, Ctrl-C) begins nothing more, and finishes and records what is in flight.

    Attributes:
        summary: The counts so far.
    """

    def __init__(self, client: Client, source: Any, **options: Any) -> None:
        # A source that cannot be read is told before there is a store.
        self._items = inputs.items(source, **reading(type(self), options))
        super().__init__(client, source, **options)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ScanRow:
        try:
            while True:
                for row in self._rows:
                    if self._is_heard:
                        self._tell()
                    return row
                self._advance()
        except StopIteration:
            raise
        except BaseException:
            stand_still()
            if not self._is_shut:
                self.close()
            raise

    def _advance(self) -> None:
        """Feeds, takes or waits for rows, or ends."""
        if self._is_over:
            self._finish()
        if not self._is_pulled and not self._native.has_news and self._native.room() > 0:
            self._pull_from(self._items)
        elif not self._gather():
            self._reporter.tell(self.state)
            self._native.wait(TICK)

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

        Waits as long as a call in flight may take. A second Ctrl-C ends the waiting; the store is let go of then as
        soon as the calls have ended.
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


class AsyncScan(Drive, AsyncIterator["ScanRow"]):
    """`Scan`, iterated by `async for`; also a context manager. Of `aigclens.ascan` and `AsyncClient.scan`.

    The input may be an asynchronous iterable too. Cancelling the task that iterates drops no request: what is in flight
    is finished and recorded in the background.
    """

    def __init__(self, client: AsyncClient, source: Any, **options: Any) -> None:
        given = reading(type(self), options)
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
            while True:
                for row in self._rows:
                    if self._is_heard:
                        self._tell()
                    return row
                await self._advance()
        except AigcError:
            stand_still()
            raise

    async def _advance(self) -> None:
        """Feeds, takes or waits for rows, or ends."""
        if self._is_over:
            await self._finish()
        if not self._is_pulled and not self._native.has_news and self._native.room() > 0:
            await (self._apull() if self._is_async else self._pull())
        elif not self._gather():
            self._reporter.tell(self.state)
            await self._news()

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

    async def _apull(self) -> None:
        """Waits for the next item, or for rows."""
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._items))
        if self._next.get_loop() is not asyncio.get_running_loop():
            raise RuntimeError("an asynchronous input is bound to the event loop that it began on; go on there")
        await asyncio.wait({self._next, self._waker()}, return_when=asyncio.FIRST_COMPLETED, timeout=TICK)
        if not self._next.done():
            self._gather()
            self._reporter.tell(self.state)
            return
        coming, self._next = self._next, None
        try:
            found = coming.result()
        except StopAsyncIteration:
            self._is_pulled = True
        except (Exception, asyncio.CancelledError) as failure:  # noqa: BLE001
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

    def _packed(self, item: Any) -> Any:
        return self._pack(item)

    def _waker(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        if self._woken is None or self._woken.done() or self._woken.get_loop() is not loop:
            self._woken = loop.create_future()
            self._native.wake(doors.port(loop), self._woken)
        return self._woken

    async def _news(self) -> None:
        await asyncio.wait({self._waker()}, timeout=TICK)
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
            self._drop()
            if not self._gather():
                await self._news()
        self._is_over = not is_early
        await doors.aside(lambda _: self._native.close(0.0), None)
        self._let_go()

    def _leave(self) -> None:
        """Lets go without waiting. What is in flight goes on, and a program that ends waits for it."""
        if self._is_shut or self._pid != os.getpid():
            self._is_shut = True
            return
        for one in [native for native in left if native.over]:
            del left[one]
        left[self._native] = self._patience
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
