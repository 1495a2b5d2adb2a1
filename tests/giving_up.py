"""The ways in which a task that waits is given up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def out_of_time(task: asyncio.Task[Any]) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(task, 0.05)


async def with_a_failing_sibling(task: asyncio.Task[Any]) -> None:
    if not hasattr(asyncio, "TaskGroup"):
        pytest.skip("needs asyncio.TaskGroup")

    async def fail() -> None:
        await asyncio.sleep(0.05)
        raise ZeroDivisionError

    async def wait() -> None:
        await task

    with pytest.raises(Exception, match="TaskGroup") as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait())
            group.create_task(fail())
    # A group of exceptions, which Python 3.10 has no name for.
    assert [type(one) for one in getattr(caught.value, "exceptions", ())] == [ZeroDivisionError]
