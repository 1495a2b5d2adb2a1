"""How cost grows: with the number of calls in flight, and with the number of items.

    python benches/scale.py [--most 1000000] [--stored 100000] [--rounds 3] [--quick]

Writes benches/scale.json and the plots of docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
from pathlib import Path
from typing import Any

import plot
import versions
from stage import HERE, Server

IN_FLIGHT = (1, 16, 64, 256, 1024)
# Plots whose lines are too far apart otherwise.
LOGARITHMIC = ("connections", "cpu-in-flight")
# `concurrency=` goes no further.
MOST_OF_A_SCAN = 256
PLOTS = HERE.parent / "docs" / "performance"
# name: client of the table
FLIERS = {
    "async": "aigclens async",
    "detect_many": "aigclens detect_many",
    "scan, store": "aigclens scan, store",
}
ITEMS = {"detect_many": "aigclens detect_many", "scan, store": "aigclens scan, store"}


class Memory:
    """Looks at the resident memory of a process from outside, while it works."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.seen: list[int] = []

    def __call__(self, pid: int) -> None:
        """Begins to look; the first value is that of the warm process."""
        self.seen.append(self.read(pid))
        threading.Thread(target=self.watch, args=(pid,), daemon=True).start()

    @staticmethod
    def read(pid: int) -> int:
        """Bytes, or 0 once it is gone."""
        try:
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
        except OSError:
            return 0

    def watch(self, pid: int) -> None:
        """Until it is gone."""
        while not self.end.wait(0.05) and (bytes_now := self.read(pid)):
            self.seen.append(bytes_now)

    def summary(self) -> dict[str, int]:
        """What a plot needs: at the start, and the most."""
        self.end.set()
        return {"rss_start": self.seen[0], "rss_most": max(self.seen)}


def in_flight(server: Server, client: str, at_once: int, seconds: float) -> dict[str, Any]:
    """What a call costs where answers come at once, and what so many cost that really are in flight for 50 ms each."""
    fast = measured(server, client, at_once, seconds)
    slow = measured(server, client, at_once, seconds, latency=50)
    return slow | {key: fast[key] for key in ("cpu_us", "calls", "calls_per_second")} | {"cpu_us_50ms": slow["cpu_us"]}


def measured(
    server: Server, client: str, at_once: int, seconds: float, calls: int | None = None, latency: int = 0
) -> dict[str, Any]:
    """One run."""
    memory = Memory()
    how: dict[str, Any] = {} if calls is None else {"calls": calls}
    found = server.run(
        client, secure=False, at_once=at_once, seconds=seconds, latency=latency, while_ready=memory, **how
    )
    return {
        "cpu_us": 1e6 * found["cpu"] / found["calls"],
        "calls": found["calls"],
        "calls_per_second": found["calls"] / found["wall"],
        "connections": found["connections"],
        **memory.summary(),
    }


def middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def sizes(most: int) -> list[int]:
    """Powers of ten from a thousand on."""
    found = [1000]
    while found[-1] * 10 <= most:
        found.append(found[-1] * 10)
    return found


def measure(rounds: int, most: int, stored: int, seconds: float) -> dict[str, Any]:
    """Both directions. Large numbers of items are measured once: they are long enough to need no median."""
    flights: dict[str, dict[int, list[dict[str, Any]]]] = {name: {} for name in FLIERS}
    items: dict[str, dict[int, list[dict[str, Any]]]] = {name: {} for name in ITEMS}
    with Server() as server:
        for which in range(rounds):
            for at_once in IN_FLIGHT:
                for name, client in FLIERS.items():
                    if name != "async" and at_once > MOST_OF_A_SCAN:
                        continue
                    print(
                        f"\rround {which + 1}: {name}, {at_once} in flight      ", end="", file=sys.stderr, flush=True
                    )
                    found = in_flight(server, client, at_once, seconds)
                    flights[name].setdefault(at_once, []).append(found)
        for name, client in ITEMS.items():
            for number in sizes(stored if name.startswith("scan") else most):
                for _ in range(rounds if number <= 10_000 else 1):
                    print(f"\r{name}, {number} items              ", end="", file=sys.stderr, flush=True)
                    items[name].setdefault(number, []).append(measured(server, client, 64, 0.2, number))
    print("", file=sys.stderr)
    return {
        "versions": versions.found(),
        "rounds": rounds,
        "in_flight": {name: {key: middle(runs) for key, runs in found.items()} for name, found in flights.items()},
        "items": {name: {key: middle(runs) for key, runs in found.items()} for name, found in items.items()},
    }


def draw(results: dict[str, Any]) -> None:
    """Four plots."""
    PLOTS.mkdir(parents=True, exist_ok=True)

    def lines(what: str, value: Any) -> dict[str, list[tuple[float, float]]]:
        return {
            name: [(float(key), value(found)) for key, found in rows.items()] for name, rows in results[what].items()
        }

    flight, item = "calls in flight", "items"
    for file, title, axis, data in (
        ("cpu-in-flight", "CPU µs per call", flight, lines("in_flight", lambda found: found["cpu_us"])),
        ("memory-in-flight", "memory, MiB (RSS)", flight, lines("in_flight", lambda found: found["rss_most"] / 2**20)),
        ("connections", "connections", flight, lines("in_flight", lambda found: found["connections"])),
        ("cpu-items", "CPU µs per item", item, lines("items", lambda found: found["cpu_us"])),
        ("memory-items", "memory, MiB (RSS)", item, lines("items", lambda found: found["rss_most"] / 2**20)),
    ):
        (PLOTS / f"{file}.svg").write_text(plot.svg(title, axis, data, log_y=file in LOGARITHMIC), encoding="utf-8")


def text(results: dict[str, Any]) -> str:
    """Both tables."""
    lines = []
    for what, unit in (("in_flight", "in flight"), ("items", "items")):
        lines += [f"\n| {unit} | way | CPU µs | memory MiB | connections | calls/s |", "|--:|---|--:|--:|--:|--:|"]
        for name, rows in results[what].items():
            for key, found in rows.items():
                figures = f"{found['cpu_us']:.1f} | {found['rss_most'] / 2**20:.1f} | {found['connections']:,.0f}"
                lines.append(f"| {int(key):,} | {name} | {figures} | {found['calls_per_second']:,.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Measures, writes, draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=1_000_000, help="items of detect_many")
    parser.add_argument("--stored", type=int, default=100_000, help="items of a scan with a store")
    parser.add_argument("--quick", action="store_true", help="one round, and a hundredth of the items")
    parser.add_argument("--out", type=Path, default=HERE / "scale.json")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.most, given.stored = 1, given.most // 100, given.stored // 10
    results = measure(given.rounds, given.most, given.stored, 0.5)
    given.out.write_text(json.dumps(results, indent=1) + "\n")
    draw(json.loads(json.dumps(results)))
    print(text(results))


if __name__ == "__main__":
    main()
