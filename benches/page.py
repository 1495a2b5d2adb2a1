"""Puts the figures of `results.json` and `scale.json` between the marks of docs/performance.md."""

from __future__ import annotations

import json
import re
from typing import Any

import report
import scale
from stage import HERE

PAGE = HERE.parent / "docs" / "performance.md"
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


def put(text: str, mark: str, body: str) -> str:
    """The text with another body between its marks."""
    block = f"<!-- {mark} -->\n{body}\n\n<!-- end of {mark} -->"
    return re.sub(f"<!-- {mark} -->.*?<!-- end of {mark} -->", lambda _: block, text, flags=re.DOTALL)


def main() -> None:
    """Writes what there is."""
    text = PAGE.read_text(encoding="utf-8")
    for mark, file, made in (("figures", "results.json", figures), ("growth", "scale.json", scale.text)):
        if (HERE / file).exists():
            body = made(json.loads((HERE / file).read_text()))
            text = put(text, mark, body)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
