"""Is an outage made worse, and is its end noticed? Thousands of calls against a service that fails them all, the
further requests counted by the service itself; then it heals.

    python tests/load/outage.py [--calls 10000]

Retries draw on a credit (14 of 500 for one), so that at most 36 requests may come on top of the calls. After the
healing, calls must succeed, and the credit must have grown enough for a call that fails once to be tried again, within
five seconds. Throttled calls cost 5 of 500 and may have 101. Exits 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import aigclens
from aigclens.testing import Emulator

AT_ONCE = 64
URL = "https://img.example/cat.png"
MOST_FURTHER = 36
MOST_THROTTLED = 101
MOST_SECONDS = 5.0


@dataclass
class Outage:
    """One way of being down."""

    name: str
    error: type[aigclens.AigcError]
    most: int
    breaks: Callable[[Emulator], None]


def html(emulator: Emulator) -> None:
    emulator.fault(stage="before_billing", action="html", status=503)


def busy(emulator: Emulator) -> None:
    emulator.fault(stage="before_billing", action="refuse", code="InternalError", status=500)


def throttle(emulator: Emulator) -> None:
    emulator.fault(stage="before_billing", action="throttle")


def resets(emulator: Emulator) -> None:
    emulator.fault(stage="before_billing", action="rst")


OUTAGES = [
    Outage("HTTP 503 with a page", aigclens.ServerError, MOST_FURTHER, html),
    Outage("HTTP 500 of the gateway", aigclens.ServerError, MOST_FURTHER, busy),
    Outage("connections reset", aigclens.AmbiguousOutcomeError, MOST_FURTHER, resets),
    Outage("every call throttled", aigclens.ThrottledError, MOST_THROTTLED, throttle),
]


def fail_all(client: aigclens.Client, calls: int, error: type[aigclens.AigcError]) -> tuple[int, int]:
    """Makes the calls: how many failed as they must, and how many attempts they say they took."""

    def one(_: int) -> tuple[int, int]:
        try:
            client.detect(URL)
        except aigclens.AigcError as failed:
            return int(isinstance(failed, error)), len(failed.attempts)
        return 0, 1

    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = list(threads.map(one, range(calls)))
    return sum(right for right, _ in found), sum(attempts for _, attempts in found)


def recover(client: aigclens.Client, emulator: Emulator, started: float) -> tuple[float, float]:
    """Seconds until a call succeeds, and until one that fails once is tried again, which the credit must allow."""
    first = None
    while time.monotonic() - started < 4 * MOST_SECONDS:
        try:
            client.detect(URL)
        except aigclens.AigcError:
            continue
        first = first or time.monotonic() - started
        emulator.answer(data_id="once", code=500, times=1)
        try:
            found = client.detect(URL, data_id="once")
        except aigclens.ServerError:
            continue
        if len(found.attempts) == 2:
            return first, time.monotonic() - started
    return first or float("inf"), float("inf")


def reached(emulator: Emulator) -> int:
    """How many requests came, by the count of the rule that fails them."""
    return int(emulator.faults()["rules"][0]["seen"])


def fresh(**options: Any) -> Emulator:
    emulator = Emulator(qps=0, **options)
    emulator.answer(url=URL, label="ugc")
    return emulator


def report(name: str, calls: int, failed: int, further: int, most: int, times: tuple[float, float]) -> bool:
    holds = failed == calls and 0 < further <= most and max(times) < MOST_SECONDS
    print(
        f"  {name:26} {calls:>7,} calls  {failed:>7,} failed  {further:>4} further (at most {most})  "
        f"healed after {times[0]:.3f} s, credit after {times[1]:.3f} s  {'holds' if holds else 'DOES NOT HOLD'}",
        flush=True,
    )
    return holds


def answered(outage: Outage, calls: int) -> bool:
    """A service that answers, badly."""
    with fresh() as emulator, emulator.client(max_retries=2, qps=None) as client:
        outage.breaks(emulator)
        failed, _ = fail_all(client, calls, outage.error)
        further = reached(emulator) - calls
        emulator.clear_faults()
        return report(outage.name, calls, failed, further, outage.most, recover(client, emulator, time.monotonic()))


def refused(calls: int) -> bool:
    """A service that is not there: nobody counts, so that the attempts on the exceptions are what there is."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    options: Any = {"endpoint": f"http://127.0.0.1:{port}", "max_retries": 2, "qps": None}
    with Emulator() as template:
        credentials = template.credentials
    with aigclens.Client(credentials=credentials, **options) as client:
        failed, attempts = fail_all(client, calls, aigclens.ConnectError)
        started = time.monotonic()
        with fresh(port=port) as emulator:
            times = recover(client, emulator, started)
        return report("connections refused", calls, failed, attempts - calls, MOST_FURTHER, times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    calls = parser.parse_args().calls
    print(f"outage: {AT_ONCE} at once, max_retries=2")
    held = [answered(outage, calls) for outage in OUTAGES]
    held.append(refused(calls))
    print(f"outage: {'holds' if all(held) else 'does not hold'}")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
