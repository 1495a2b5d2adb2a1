"""Does the money add up? Thousands of calls under faults of every kind, and then the ledger is compared with what the
client said of each.

    python tests/load/balance.py [--calls 20000] [--seed N]

For every call, the number of its charges lies between its attempts marked `billed` and those marked `billed` or
`possibly_billed`; the sum is exact; whatever ended `not_billed` was not charged; every exception is an `AigcError`; and
nothing is left open. Exits 1 on any violation.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fault_kinds import KINDS, LEAST_KINDS, SHARE, plan
from resources import columns, quiet, settled

import aigclens
import images
from aigclens.testing import Emulator, FaultReport

# At once: half of them in threads, half in one event loop.
AT_ONCE = 64
TIMEOUT = 1.0
URL = "https://img.example/cat.png"


@dataclass
class Outcome:
    """What a client said of one call."""

    billing: str
    attempts: tuple[aigclens.Attempt, ...]
    name: str

    def count(self, *verdicts: str) -> int:
        return sum(one.billing in verdicts for one in self.attempts)


@dataclass
class Run:
    """All calls of a run, by their data ids."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)

    def note(self, data_id: str, found: aigclens.Detection | BaseException) -> None:
        if isinstance(found, aigclens.Detection):
            self.outcomes[data_id] = Outcome(found.billing, found.attempts, "ok")
        elif isinstance(found, aigclens.AigcError):
            self.outcomes[data_id] = Outcome(found.billing, tuple(found.attempts), type(found).__name__)
        else:
            self.strangers.append(f"{data_id}: {found!r}")


def source(number: int, png: bytes) -> str | bytes:
    return png if number % 2 else URL


def call_all(emulator: Emulator, calls: int, run: Run) -> None:
    """Half of the calls by threads, the other half by one event loop, at the same time."""
    options: Any = {"max_retries": 2, "qps": None, "timeout": TIMEOUT, "connect_timeout": TIMEOUT}
    png = images.png(64, 64)

    def threads() -> None:
        def one(number: int) -> None:
            data_id = f"sync-{number}"
            try:
                run.note(data_id, client.detect(source(number, png), data_id=data_id))
            except BaseException as error:
                run.note(data_id, error)

        with emulator.client(check_image="off", **options) as client, ThreadPoolExecutor(AT_ONCE // 2) as pool:
            list(pool.map(one, range(calls // 2)))

    async def loop() -> None:
        numbers = iter(range(calls - calls // 2))

        async def work() -> None:
            for number in numbers:
                data_id = f"async-{number}"
                try:
                    run.note(data_id, await client.detect(source(number, png), data_id=data_id))
                except Exception as error:
                    run.note(data_id, error)

        async with emulator.async_client(check_image="off", **options) as client:
            await asyncio.gather(*(work() for _ in range(AT_ONCE // 2)))

    thread = threading.Thread(target=threads)
    thread.start()
    asyncio.run(loop())
    thread.join()


def violations(run: Run, charged: Counter[str], calls: int) -> list[str]:
    """Every way in which client and ledger disagree."""
    found = [f"no AigcError: {stranger}" for stranger in run.strangers]
    if len(run.outcomes) + len(run.strangers) != calls:
        found.append(f"{calls} calls were made, {len(run.outcomes)} were noted")
    found += [f"{data_id} is charged and was never called" for data_id in charged if data_id not in run.outcomes]
    for data_id, outcome in run.outcomes.items():
        times, least = charged[data_id], outcome.count("billed")
        most = least + outcome.count("possibly_billed")
        if not least <= times <= most:
            tried = ", ".join(f"{one.operation}: {one.outcome} {one.billing}" for one in outcome.attempts)
            found.append(f"{data_id} was charged {times} times, its attempts say {least} to {most}: {tried}")
        if outcome.billing == "not_billed" and times:
            found.append(f"{data_id} ended not_billed and was charged")
        if outcome.billing == "billed" and not times:
            found.append(f"{data_id} ended billed and was not charged")
    return found


@dataclass
class Sums:
    """What both sides say, added up."""

    attempts: int
    verdicts: Counter[str]
    ledger: int
    resolved: int
    faults: int
    kinds: int

    @property
    def share(self) -> float:
        return self.faults / max(1, self.attempts)

    @classmethod
    def of(cls, run: Run, charged: Counter[str], report: FaultReport) -> Sums:
        attempts = [one for outcome in run.outcomes.values() for one in outcome.attempts]
        # A possibly billed attempt is resolved by the ledger: what it has beyond the certain ones of its call.
        resolved = sum(charged[data_id] - outcome.count("billed") for data_id, outcome in run.outcomes.items())
        verdicts = Counter(str(one.billing) for one in attempts)
        kinds = sum(rule["acted"] > 0 for rule in report["rules"])
        faults = sum(report["acted"].values())
        return cls(len(attempts), verdicts, sum(charged.values()), resolved, faults, kinds)

    def violations(self) -> list[str]:
        found = []
        if self.ledger != self.verdicts["billed"] + self.resolved:
            found.append(
                f"the ledger has {self.ledger}, the client {self.verdicts['billed']} and {self.resolved} resolved"
            )
        if self.kinds < LEAST_KINDS:
            found.append(f"only {self.kinds} kinds of faults acted, {LEAST_KINDS} are asked for")
        if not 0.75 * SHARE <= self.share <= 1.25 * SHARE:
            found.append(f"faults acted on {self.share:.1%} of the attempts, about {SHARE:.0%} are asked for")
        return found

    def show(self) -> None:
        billed, resolved = self.verdicts["billed"], self.resolved
        print(f"  attempts          {self.attempts:9,}   faults acted {self.faults:,} times ({self.share:.1%})")
        print(f"  kinds of faults   {self.kinds:9,}   of {len(KINDS)}")
        print(f"  ledger            {self.ledger:9,}   charges")
        print(f"  billed            {billed:9,}   attempts")
        print(
            f"  possibly billed   {self.verdicts['possibly_billed']:9,}   attempts, {resolved:,} of them in the ledger"
        )
        print(f"  not billed        {self.verdicts['not_billed']:9,}   attempts")
        print(f"  sum               {self.ledger:,} == {billed:,} + {resolved:,}: {self.ledger == billed + resolved}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=None, help="of the plan of faults; drawn and printed if not given")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4), "big")
    print(f"balance: {options.calls:,} calls, {AT_ONCE} at once, seed {seed}", flush=True)
    # An answer that is for another call is a warning to users, and here as bad as it gets.
    warnings.simplefilter("error")
    run = Run()
    with Emulator(qps=0) as emulator:
        warm(emulator)
        before = quiet()
        emulator.faults(plan(seed))
        started = time.monotonic()
        call_all(emulator, options.calls, run)
        took = time.monotonic() - started
        after = settled(before)
        ledger, report = emulator.ledger(), emulator.faults()
    charged = Counter(entry.data_id or "" for entry in ledger.entries)
    sums = Sums.of(run, charged, report)
    found = violations(run, charged, options.calls) + sums.violations()
    if after[0] > before[0] or after[1] > before[1]:
        found.append(f"descriptors and threads: {before} before, {after} after")
    sums.show()
    print(f"  took              {took:9.1f} s   {options.calls / took:,.0f} calls a second")
    print(f"  descriptors       {before[0]:9} -> {after[0]}, threads {before[1]} -> {after[1]}")
    ended = Counter(outcome.name for outcome in run.outcomes.values())
    print("  calls ended" + columns(dict(ended.most_common())))
    print("  faults that acted" + columns(dict(sorted(report["acted"].items()))))
    for violation in found[:20]:
        print(f"  VIOLATION {violation}")
    print(f"balance: {'does not hold' if found else 'holds'} ({len(found)} violations), seed {seed}")
    return 1 if found else 0


def warm(emulator: Emulator) -> None:
    """First calls through both doors, which open what stays open, and then an emulator without a past."""

    async def once() -> None:
        async with emulator.async_client(qps=None) as client:
            await client.detect(images.png(64, 64))

    with emulator.client(qps=None) as client:
        client.detect(images.png(64, 64))
    asyncio.run(once())
    emulator.reset()
    emulator.answer(url=URL, label="ugc")


if __name__ == "__main__":
    sys.exit(main())
