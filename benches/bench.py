"""The whole table in one run: every client of a case once in each round, in turns, each in a process of its own.

    python benches/bench.py [--rounds 5] [--quick] [--no-check] [--out benches/results.json]

Prints the tables and what was promised, and writes the figures. Exits with 1 if a promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import emulator
import footprint
import report
import samples
import targets
import versions
from cases import FILES, UPLOADS, cases
from stage import HERE, RunFailed, Server

# The last ones tell what the server's queue and the machine add to any client's calls.
LATENCY_CLIENTS = (
    "aigclens async",
    "aigclens async, uvloop",
    "aiohttp",
    "pyreqwest async",
    "pure Rust, reqwest",
    "pure Rust, hyper",
)
QUICK_LATENCY_CLIENTS = ("aigclens async", "pure Rust, hyper")


class Book:
    """Figures of all rounds, and what went wrong."""

    def __init__(self) -> None:
        self.runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.failed: dict[str, str] = {}

    def note(self, table: str, client: str, server: Server, **how: Any) -> None:
        """One run; one that fails is told and does not end the others."""
        try:
            found = server.run(client, **how)
        except RunFailed as problem:
            self.failed[f"{table}: {client}"] = str(problem)
            print(f"\n  {table}: {problem}", file=sys.stderr)
            return
        self.runs.setdefault((table, client), []).append(found)

    def of(self, table: str) -> dict[str, list[dict[str, Any]]]:
        """The runs of a table's clients."""
        return {client: runs for (of, client), runs in self.runs.items() if of == table}


def rotated(clients: tuple[str, ...], by: int) -> tuple[str, ...]:
    """Another one is first in each round."""
    by %= len(clients)
    return clients[by:] + clients[:by]


def row(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds, and how far they are apart."""
    cpu = sorted(1e6 * run["cpu"] / run["calls"] for run in runs)
    return {
        "cpu_us": statistics.median(cpu),
        "cpu_us_least": cpu[0],
        "cpu_us_most": cpu[-1],
        "calls_per_second": statistics.median(run["calls"] / run["wall"] for run in runs),
        "calls": round(statistics.median(run["calls"] for run in runs)),
        "warm_calls": round(statistics.median(run.get("warm_calls", 0) for run in runs)),
        "connections": round(statistics.median(run.get("connections", 0) for run in runs)),
        "new_connections": round(statistics.median(run.get("new_connections", 0) for run in runs)),
        "rounds": len(runs),
    }


def latency_round(book: Book, server: Server, which: int, quick: bool) -> None:
    """Added time of each call, and how long callbacks take."""
    how = {
        "at_once": 64,
        "latency": 50,
        "latency_of_server": 50,
        "program": "latency.py",
        "rounds": 20 if quick else 40,
    }
    clients = QUICK_LATENCY_CLIENTS if quick else LATENCY_CLIENTS
    for scheme in ("HTTP",) if quick else ("HTTP", "HTTPS"):
        for client in rotated(clients, which):
            book.note(f"added {scheme}", client, server, secure=scheme == "HTTPS", watch="no", **how)
    for watch in ("debug", "clock"):
        book.note(watch, "aigclens async", server, secure=False, watch=watch, **how)


def latency_results(book: Book) -> dict[str, Any]:
    """Medians of the rounds; the longest of all is told too."""
    added = {}
    for scheme in ("HTTP", "HTTPS"):
        added[scheme] = {
            client: {
                f"{key}_ms": statistics.median(run["added_ms"][key] for run in runs) for key in ("p50", "p99", "max")
            }
            for client, runs in book.of(f"added {scheme}").items()
        }
    found: dict[str, Any] = {"added": added}
    for watch, key in (("debug", "slow"), ("clock", "callbacks")):
        for runs in book.of(watch).values():
            names = runs[0][key]
            found[watch] = {name: statistics.median(run[key][name] for run in runs) for name in names}
            found[watch]["longest_of_all_rounds_ms"] = max(run[key]["longest_ms"] for run in runs)
    return found


def measure(rounds: int, quick: bool, seconds: float) -> dict[str, Any]:
    """Everything."""
    book, tables = Book(), cases(quick)
    emulated: dict[str, list[dict[str, Any]]] = {}
    began = time.monotonic()
    with Server() as server:
        images = samples.write(Path(server.folder.name), {"500 kB": FILES["500 kB"]} if quick else FILES)
        for which in range(rounds):
            for case in tables:
                print(f"\rround {which + 1} of {rounds}: {case.name:<40}", end="", file=sys.stderr, flush=True)
                how: dict[str, Any] = {"secure": case.secure, "at_once": case.at_once, "latency": case.latency}
                for client in rotated(case.clients, which):
                    book.note(case.name, client, server, seconds=seconds, **how)
            for name, image in images.items():
                for client in rotated(UPLOADS[:2] if quick else UPLOADS, which):
                    book.note(name, client, server, secure=True, at_once=1, seconds=seconds, image=str(image))
            latency_round(book, server, which, quick)
            for client, found in emulator.measure(server, seconds).items():
                emulated.setdefault(client, []).append(found)
        exact = {name: image.stat().st_size for name, image in images.items()}
    print("\rimport and memory, and the pace of a default client ...", file=sys.stderr)
    results = {
        "versions": versions.found(),
        "rounds": rounds,
        "quick": quick,
        "seconds_of_a_run": seconds,
        "calls": {case.name: {client: row(runs) for client, runs in book.of(case.name).items()} for case in tables},
        "uploads": {name: {client: row(runs) for client, runs in book.of(name).items()} for name in images},
        "upload_bytes": exact,
        "latency": latency_results(book),
        "emulator": {client: row(runs) for client, runs in emulated.items()},
        "pace": emulator.pace(3 if quick else 10),
        "footprint": footprint.measure(5 if quick else 15),
        **versions.peers(),
        "failed": book.failed,
    }
    results["took_seconds"] = round(time.monotonic() - began)
    results["promises"] = [line.dictionary() for line in targets.check(results)]
    return results


def main() -> int:
    """Measures, prints, writes, checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="what the targets need, and shorter runs")
    parser.add_argument("--no-check", action="store_true", help="exit with 0 whatever was found")
    parser.add_argument("--seconds", type=float, help="how long a measured run lasts, about")
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    given = parser.parse_args()
    seconds = given.seconds or (0.3 if given.quick else 0.6)
    results = measure(given.rounds, given.quick, seconds)
    given.out.write_text(json.dumps(results, indent=1) + "\n")
    print(report.text(results))
    kept = all(line["passed"] for line in results["promises"] if line["counts"])
    return 0 if kept or given.no_check else 1


if __name__ == "__main__":
    sys.exit(main())
