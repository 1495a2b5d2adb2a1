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
import gc
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

import aigclens
import images
from aigclens.testing import Emulator, FaultPlan, FaultReport

# At once: half of them in threads, half in one event loop.
AT_ONCE = 64
TIMEOUT = 1.0
URL = "https://img.example/cat.png"
# Of the requests, this share meets a fault. A stall costs a time-out, so that it is rarer than what ends at once.
SHARE = 0.2
LEAST_KINDS = 25
RARE = 0.25
# A whole answer behind the answer.
FORGED = 'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"Code":200}'
KINDS: list[dict[str, Any]] = [
    {"stage": "accept", "action": "fin"},
    {"stage": "accept", "action": "rst"},
    {"stage": "accept", "action": "banner"},
    {"stage": "accept", "action": "stall"},
    {"stage": "mid_request", "action": "fin"},
    {"stage": "mid_request", "action": "rst"},
    {"stage": "mid_request", "action": "status", "status": 413, "operation": "PutObject"},
    {"stage": "mid_request", "action": "html"},
    {"stage": "before_billing", "action": "delay", "seconds": 0.2},
    {"stage": "before_billing", "action": "stall"},
    {"stage": "before_billing", "action": "fin"},
    {"stage": "before_billing", "action": "rst"},
    {"stage": "before_billing", "action": "html", "status": 502},
    {"stage": "before_billing", "action": "status", "status": 429, "retry_after": "1"},
    {"stage": "before_billing", "action": "redirect"},
    {"stage": "before_billing", "action": "throttle", "shape": "body"},
    {"stage": "before_billing", "action": "throttle", "shape": "gateway", "retry_after_ms": "50"},
    {"stage": "before_billing", "action": "truncate"},
    {"stage": "before_billing", "action": "expired_token", "operation": "PutObject"},
    {"stage": "before_billing", "action": "refuse", "code": "InternalError", "status": 500},
    {"stage": "before_billing", "action": "object_lost"},
    {"stage": "before_billing", "action": "nonce_used"},
    {"stage": "before_billing", "action": "clock", "offset": -7200},
    {"stage": "after_billing", "action": "delay", "seconds": 0.2},
    {"stage": "after_billing", "action": "delay", "seconds": 3},
    {"stage": "after_billing", "action": "stall"},
    {"stage": "after_billing", "action": "fin"},
    {"stage": "after_billing", "action": "rst"},
    {"stage": "after_billing", "action": "garbage"},
    {"stage": "after_billing", "action": "html"},
    {"stage": "after_billing", "action": "content_length", "by": 7},
    {"stage": "after_billing", "action": "content_length", "by": -7},
    {"stage": "after_billing", "action": "two_lengths"},
    {"stage": "after_billing", "action": "gzip", "bytes": 1_000_000},
    {"stage": "after_billing", "action": "endless"},
    {"stage": "after_billing", "action": "endless", "bytes": 1, "interval": 0.05},
    {"stage": "after_billing", "action": "trickle"},
    {"stage": "after_billing", "action": "truncate"},
    {"stage": "after_billing", "action": "headers", "count": 5_000},
    {"stage": "after_billing", "action": "duplicate_keys"},
    {"stage": "after_billing", "action": "deep_nesting", "count": 50_000},
    {"stage": "after_billing", "action": "invalid_utf8"},
    {"stage": "after_billing", "action": "informational", "count": 50},
    {"stage": "after_billing", "action": "no_content"},
    {"stage": "after_billing", "action": "http10"},
    {"stage": "after_billing", "action": "nonce_used"},
    {"stage": "after_billing", "action": "crc"},
    {"stage": "mid_headers", "action": "fin"},
    {"stage": "mid_headers", "action": "rst"},
    {"stage": "mid_headers", "action": "stall"},
    {"stage": "mid_body", "action": "fin"},
    {"stage": "mid_body", "action": "rst"},
    {"stage": "mid_body", "action": "stall"},
    {"stage": "mid_body", "action": "garbage"},
    {"stage": "after_body", "action": "fin"},
    {"stage": "after_body", "action": "rst"},
    {"stage": "after_body", "action": "garbage", "text": FORGED},
    {"stage": "after_body", "action": "stall"},
]


def plan(seed: int) -> FaultPlan:
    """A rule for every kind. The share of each is set so that about `SHARE` of all requests meet one."""
    slow = {"stall", "endless"}
    weights = [RARE if kind["action"] in slow or kind.get("seconds", 0) > 1 else 1.0 for kind in KINDS]
    # A wrong clock also misleads the calls that follow, until they have learned better.
    weights = [0.1 if kind["action"] == "clock" else weight for kind, weight in zip(KINDS, weights, strict=True)]
    # Some kinds are for one operation alone, and one that ends a request leaves nothing for those of later stages.
    each = 1.35 * SHARE / sum(weights)
    rules: Any = [{**kind, "rate": each * weight} for kind, weight in zip(KINDS, weights, strict=True)]
    return {"seed": seed, "rules": rules}


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


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def settled(before: tuple[int, int]) -> tuple[int, int]:
    """Descriptors and threads, once they are back where they were or have had time enough."""
    end = time.monotonic() + 30
    while True:
        gc.collect()
        now = (descriptors(), threading.active_count())
        if (now[0] <= before[0] and now[1] <= before[1]) or time.monotonic() > end:
            return now
        time.sleep(0.05)


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


def quiet() -> tuple[int, int]:
    """Descriptors and threads before a run, once what the first calls opened is closed again."""
    gc.collect()
    last = (-1, -1)
    while (now := (descriptors(), threading.active_count())) != last:
        last = now
        time.sleep(0.3)
    return now


def columns(counts: dict[str, int]) -> str:
    cells = [f"{name} {count:,}" for name, count in counts.items()]
    rows = [cells[at : at + 3] for at in range(0, len(cells), 3)]
    return "".join("\n    " + "".join(f"{cell:36}" for cell in row).rstrip() for row in rows)


if __name__ == "__main__":
    sys.exit(main())
