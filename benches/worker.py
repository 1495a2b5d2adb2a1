"""One client in a process of its own: warms up, finds out how many calls are enough, says `ready`, waits, measures.

    python benches/worker.py SPECIFICATION          (JSON, see `stage.py`)

What is measured is the processor time of this process, user and system, over the measured calls only.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from clients import CLIENTS, Stage, make

Run = Callable[[int], int]


def cpu() -> float:
    """Seconds that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def one(client: Any) -> Run:
    """Calls one after the other on this thread."""

    def run(number: int) -> int:
        call = client.call
        right = 0
        for _ in range(number):
            right += call() == "aigc"
        return right

    return run


class Threads:
    """Threads that live as long as the process, as a pool's would."""

    def __init__(self, client: Any, number: int) -> None:
        self.number = number
        self.share = 0
        self.right = [0] * number
        self.start, self.end = threading.Barrier(number + 1), threading.Barrier(number + 1)
        for which in range(number):
            threading.Thread(target=self.work, args=(client, which), daemon=True).start()

    def work(self, client: Any, which: int) -> None:
        """One thread."""
        run = one(client)
        while True:
            self.start.wait()
            try:
                self.right[which] = run(self.share)
            except BaseException:
                self.start.abort()
                self.end.abort()
                raise
            self.end.wait()

    def __call__(self, number: int) -> int:
        """So many calls, shared evenly."""
        self.share = number // self.number
        self.start.wait()
        self.end.wait()
        return sum(self.right)


class Tasks:
    """Tasks on one event loop, which goes on between runs."""

    def __init__(self, client: Any, at_once: int, loop: str) -> None:
        self.client, self.at_once = client, at_once
        if loop == "uvloop":
            import uvloop

            self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        else:
            self.loop = asyncio.new_event_loop()

    async def work(self, number: int) -> int:
        """One task."""
        call = self.client.acall
        right = 0
        for _ in range(number):
            right += await call() == "aigc"
        return right

    async def all(self, number: int) -> int:
        """So many calls, shared evenly."""
        return sum(await asyncio.gather(*(self.work(number // self.at_once) for _ in range(self.at_once))))

    def __call__(self, number: int) -> int:
        """So many calls."""
        if self.at_once == 1:
            return self.loop.run_until_complete(self.work(number))
        return self.loop.run_until_complete(self.all(number))


def runner(name: str, stage: Stage) -> tuple[Run, int]:
    """How a client is run, and what its numbers of calls are multiples of."""
    _, _, threads, loop = CLIENTS[name]
    client = make(name, stage)
    if loop:
        return Tasks(client, stage.at_once, loop), stage.at_once
    if hasattr(client, "many"):
        return client.many, 1
    return (one(client), 1) if threads == 1 else (Threads(client, threads), threads)


def suited(run: Run, unit: int, at_once: int, seconds: float) -> int:
    """Warms up, and returns how many calls take so long. The first calls are not judged by: they connect."""
    number = unit * max(1, -(-at_once // unit))
    checked(run, number)
    while (took := checked(run, number)) < seconds / 4:
        number *= 2 if took > seconds / 16 else 4
    return max(round(seconds / took * number) // unit, 1) * unit


def checked(run: Run, number: int) -> float:
    """Seconds that so many calls take, all of which must be right."""
    began = time.perf_counter()
    if run(number) != number:
        raise SystemExit("a wrong answer came in the warm-up")
    return time.perf_counter() - began


def main() -> None:
    """Warms up, waits, measures, reports."""
    given = json.loads(sys.argv[1])
    name, seconds, fixed = given.pop("client"), given.pop("seconds"), given.pop("calls", None)
    stage = Stage(**given)
    run, unit = runner(name, stage)
    number = suited(run, unit, stage.at_once, seconds)
    if fixed is not None:
        number = max(fixed // unit, 1) * unit
    print("ready", flush=True)
    sys.stdin.readline()
    began, used = time.perf_counter(), cpu()
    calls, right = number, run(number)
    # A warm-up that was held up says too little: what is measured lasts in any case.
    while fixed is None and time.perf_counter() - began < seconds / 2:
        calls, right = calls + number, right + run(number)
    used, wall = cpu() - used, time.perf_counter() - began
    print(json.dumps({"calls": calls, "right": right, "cpu": used, "wall": wall}), flush=True)


if __name__ == "__main__":
    main()
