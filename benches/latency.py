"""How much time a client on an event loop adds to a call, and how long it keeps the loop from others.

Speaks as `worker.py` does. `watch` is `no` for the added time of each call; `debug` for asyncio's own slow-callback
debug, which is slow itself, since it notes a stack for each callback; `clock` for a clock around each callback and
nothing else. With `debug` the same loop then runs as many tasks that sleep as long, without any client: what of that is
slow is the machine's and asyncio's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import time
from typing import Any

from clients import CLIENTS, Stage, make
from worker import cpu

THRESHOLD = 0.001


class Slow(logging.Handler):
    """Collects what asyncio says of callbacks that took longer than the threshold."""

    def __init__(self) -> None:
        super().__init__()
        self.took: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        """One record. That all tasks are begun is this program's own doing: asyncio notes a stack for each of them."""
        text = record.getMessage()
        if (found := re.search(r"took ([0-9.]+) seconds", text)) and "coro=<calls()" not in text:
            self.took.append(float(found[1]))

    def found(self) -> dict[str, float]:
        """How many there were, and the longest; asyncio tells whole milliseconds."""
        return {"callbacks": len(self.took), "longest_ms": 1000 * max(self.took, default=0.0)}


class Clock:
    """Times every callback of asyncio's loop by the clock and by the processor time of its thread."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.used: list[float] = []
        run = asyncio.Handle._run
        clock, used = time.perf_counter, time.thread_time

        def timed(handle: asyncio.Handle) -> None:
            began, began_used = clock(), used()
            run(handle)
            self.used.append(used() - began_used)
            self.took.append(clock() - began)

        asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]


def at(sorted_values: list[float], part: float) -> float:
    """A quantile."""
    return sorted_values[min(int(len(sorted_values) * part), len(sorted_values) - 1)]


class Sleeper:
    """No client: its calls take as long as the server's."""

    def __init__(self, milliseconds: float) -> None:
        self.seconds = milliseconds / 1000

    async def acall(self) -> str:
        """One of them."""
        await asyncio.sleep(self.seconds)
        return "aigc"


async def calls(client: Any, at_once: int, rounds: int, added: list[float]) -> int:
    """Each of the tasks makes its calls one after the other; `added` gets what each took."""

    async def work() -> int:
        right = 0
        for _ in range(rounds):
            began = time.perf_counter()
            right += await client.acall() == "aigc"
            added.append(time.perf_counter() - began)
        return right

    return sum(await asyncio.gather(*(work() for _ in range(at_once))))


def main() -> None:
    """Warms up, waits, measures, reports."""
    given = json.loads(sys.argv[1])
    name, rounds, watch, served = (given.pop(key) for key in ("client", "rounds", "watch", "latency_of_server"))
    stage = Stage(**given)
    client = make(name, stage)
    slow, clock = Slow(), Clock() if watch == "clock" else None
    if CLIENTS[name][3] == "uvloop":
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    if watch == "debug":
        logging.getLogger("asyncio").addHandler(slow)
        logging.getLogger("asyncio").propagate = False
        loop.set_debug(True)
        loop.slow_callback_duration = THRESHOLD
    loop.run_until_complete(calls(client, stage.at_once, 3, []))
    print("ready", flush=True)
    sys.stdin.readline()
    added: list[float] = []
    slow.took.clear()
    if clock is not None:
        clock.took.clear()
        clock.used.clear()
    began, used = time.perf_counter(), cpu()
    right = loop.run_until_complete(calls(client, stage.at_once, rounds, added))
    used, wall = cpu() - used, time.perf_counter() - began
    added = sorted(1000 * (each - served / 1000) for each in added)
    found: dict[str, Any] = {"calls": len(added), "right": right, "cpu": used, "wall": wall}
    found["added_ms"] = {"p50": at(added, 0.5), "p99": at(added, 0.99), "max": added[-1]}
    if watch == "debug":
        found["slow"] = slow.found()
        slow.took.clear()
        loop.run_until_complete(calls(Sleeper(served), stage.at_once, rounds, []))
        found["slow"] |= {f"{name}_without_a_client": figure for name, figure in slow.found().items()}
    if clock is not None:
        found["callbacks"] = {
            "number": len(clock.took),
            "longest_ms": 1000 * max(clock.took),
            "longest_cpu_ms": 1000 * max(clock.used),
            "p999_ms": 1000 * at(sorted(clock.took), 0.999),
        }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
