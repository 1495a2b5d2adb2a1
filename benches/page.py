"""Puts the figures of `results.json` and `scale.json` between the marks of docs/performance.md and of the README."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import report
import scale
from stage import HERE

COLUMNS = {
    "one after the other, HTTP": "one after the other, HTTP",
    "one after the other, HTTPS": "HTTPS",
    "64 at once, HTTP": "64 at once, HTTP",
    "64 at once, HTTPS": "HTTPS",
    "64 at once, 50 ms server, HTTP": "64 at once, 50 ms server, HTTP",
    "64 at once, 50 ms server, HTTPS": "HTTPS",
}


def calls(results: dict[str, Any]) -> str:
    """All cases beside each other. A synchronous client has one thread in sequence and 32 otherwise."""
    tables = {case: results["calls"][case] for case in COLUMNS if case in results["calls"]}
    clients: dict[str, dict[str, dict[str, Any]]] = {}
    for case, rows in tables.items():
        for client, row in rows.items():
            clients.setdefault(client.removesuffix(", 32 threads"), {})[case] = row
    lines = []
    for client, rows in clients.items():
        cells = [report.figure(rows[case]["cpu_us"]) if case in rows else "-" for case in tables]
        many = rows.get("64 at once, HTTP")
        connections = "-" if many is None else f"{many['connections']:,} in {many['calls'] + many['warm_calls']:,}"
        lines.append((client, *cells, connections))
    order = {"aigclens": 0, "pure Rust": 2}
    lines.sort(key=lambda line: next((rank for name, rank in order.items() if line[0].startswith(name)), 1))
    header = ("CPU µs a call", *(COLUMNS[case] for case in tables), "connections in calls, 64 at once, HTTP")
    return report.table(header, lines)


def figures(results: dict[str, Any]) -> str:
    """All tables of a run."""
    made = results["versions"]
    packages = ", ".join(f"{name} {version}" for name, version in made["packages"].items() if version)
    on = f"{made['processors']} processors ({made['processor']}), Linux {made['kernel']}, CPython {made['python']}"
    rust = made["rustc"].split(" (")[0]
    parts = [
        f"\nOf {made['date'][:10]}, {on}, {rust}; medians of {results['rounds']} rounds:",
        calls(results),
        "\nSynchronous clients have one thread in sequence and 32 for 64 at once.",
        report.uploads(results),
        report.footprint(results),
        report.latency(results),
        "\nOur client against the emulator, over HTTP:",
        report.calls("emulator", results["emulator"]),
        "\nWhat was promised, and what this run says:",
        report.promises(results),
        f"\nWith {packages}.",
    ]
    return "\n".join(parts)


# What a user of the official SDK would write instead, case by case: its name, the case, our client, the other.
SHORT = (
    ("one call after the other", "one after the other, HTTP", "aigclens sync", "official SDK sync"),
    ("32 threads", "64 at once, HTTP", "aigclens sync, 32 threads", "official SDK sync, 32 threads"),
    ("asyncio, 64 at once, HTTP", "64 at once, HTTP", "aigclens async", "official SDK async"),
    ("asyncio, 64 at once, HTTPS", "64 at once, HTTPS", "aigclens async", "official SDK async"),
    ("`detect_many` against 32 threads", "64 at once, HTTP", "aigclens detect_many", "official SDK sync, 32 threads"),
)


def short(results: dict[str, Any]) -> str:
    """What the README shows: ours, the official SDK's, and how many times as much that is."""
    pairs = []
    for name, case, ours, other in SHORT:
        rows = results["calls"][case]
        pairs.append((f"CPU of a call, µs: {name}", rows[ours]["cpu_us"], rows[other]["cpu_us"]))
    files = results["uploads"]["500 kB"]
    uploads = (files[f"{client} upload"]["cpu_us"] for client in ("aigclens", "official SDK + oss2"))
    pairs.append(("CPU of a local file of 500 kB, µs (official: with oss2)", *uploads))
    found, sizes = results["footprint"], results["sizes"]
    for name, table, key, unit in (
        ("import, ms", found, "import_best_ms", 1),
        ("memory after it, MiB", found, "rss_bytes", 2**20),
        ("installed, MiB", sizes, "bytes", 2**20),
    ):
        both = [table.get(client, {}).get(key) for client in ("aigclens", "official SDK")]
        if None not in both:
            pairs.append((name, both[0] / unit, both[1] / unit))
    lines = [
        (
            name,
            report.figure(mine),
            report.figure(theirs),
            f"{theirs / mine:,.1f} x" if theirs < 100 * mine else f"{theirs / mine:,.0f} x",
        )
        for name, mine, theirs in pairs
    ]
    made = results["versions"]
    machine = f"{made['processors']} processors ({made['processor']})"
    on = f"Of {made['date'][:10]}: {machine}, CPython {made['python']}, loopback server in Rust"
    return report.table(("", "aigclens", "official SDK", ""), lines) + f"\n\n{on}, all features on, `qps=None`."


def put(text: str, mark: str, body: str) -> str:
    """The text with another body between its marks."""
    block = f"<!-- {mark} -->\n{body}\n\n<!-- end of {mark} -->"
    return re.sub(f"<!-- {mark} -->.*?<!-- end of {mark} -->", lambda _: block, text, flags=re.DOTALL)


def fill(page: Path, parts: tuple[tuple[str, str, Callable[[Any], str]], ...]) -> None:
    """Writes what there is between a page's marks."""
    text = page.read_text(encoding="utf-8")
    for mark, file, made in parts:
        if (HERE / file).exists():
            body = made(json.loads((HERE / file).read_text()))
            text = put(text, mark, body)
    page.write_text(text, encoding="utf-8")


def main() -> None:
    """Both pages."""
    fill(
        HERE.parent / "docs" / "performance.md",
        (("figures", "results.json", figures), ("growth", "scale.json", scale.text)),
    )
    fill(HERE.parent / "README.md", (("short", "results.json", short),))


if __name__ == "__main__":
    main()
