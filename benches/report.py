"""The figures of a run as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def figure(value: float) -> str:
    """Three digits are enough for what varies by more."""
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Markdown that is also readable as it is."""
    widths = [max(len(line[column]) for line in [header, *rows]) for column in range(len(header))]

    def laid(line: tuple[str, ...]) -> str:
        cells = [
            f" {text.ljust(width) if column == 0 else text.rjust(width)} "
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "|" + "|".join(cells) + "|"

    rule = (
        "|" + "|".join("-" * (width + 1) + ("-" if column == 0 else ":") for column, width in enumerate(widths)) + "|"
    )
    return "\n".join(["", laid(header), rule, *(laid(line) for line in rows)])


def calls(title: str, rows: dict[str, dict[str, Any]], unit: str = "call") -> str:
    """Sorted by cost, with what is the cheapest of ours for a measure."""
    ordered = sorted(rows.items(), key=lambda each: each[1]["cpu_us"])
    ours = min((row["cpu_us"] for client, row in ordered if client.startswith("aigclens")), default=None)
    lines = [
        (
            client,
            figure(row["cpu_us"]),
            f"{figure(row['cpu_us_least'])} to {figure(row['cpu_us_most'])}",
            "-" if ours is None else f"{row['cpu_us'] / ours:.2f}",
            f"{row['calls_per_second']:,.0f}",
            f"{row['calls']:,}",
            f"{row['connections']:,} ({row['new_connections']:,})" if row["connections"] else "-",
        )
        for client, row in ordered
    ]
    header = (
        title,
        f"CPU µs a {unit}",
        "least to most",
        "to our best",
        f"{unit}s/s",
        f"{unit}s",
        "connections (new)",
    )
    return table(header, lines)


def uploads(results: dict[str, Any]) -> str:
    """One table for each size."""
    tables = []
    for name, rows in results["uploads"].items():
        title = f"upload + detect, HTTPS, {results['upload_bytes'][name]:,} bytes"
        tables.append(calls(title, rows, "file"))
    return "\n".join(tables)


def footprint(results: dict[str, Any]) -> str:
    """Import, memory and size."""
    lines = []
    sizes = results["sizes"]
    for client, found in results["footprint"].items():
        size = sizes.get(client, sizes["aigclens"] if client.startswith("aigclens") else {})
        lines.append(
            (
                client,
                figure(found["import_best_ms"]),
                figure(found["import_median_ms"]),
                f"{found['rss_bytes'] / 2**20:.1f}",
                f"{size['bytes'] / 2**20:.1f}" if "bytes" in size else "-",
                str(size.get("packages", "-")),
            )
        )
    header = ("before the first call", "import, best ms", "median ms", "memory MiB", "installed MiB", "packages")
    return table(header, lines)


def latency(results: dict[str, Any]) -> str:
    """Added to a call, and how long the loop is kept."""
    lines = []
    for scheme, clients in results["latency"]["added"].items():
        for client, found in clients.items():
            lines.append((f"{client}, {scheme}", *(f"{found[key]:.2f}" for key in ("p50_ms", "p99_ms", "max_ms"))))
    text = table(("added to a call, 64 at once, 50 ms server", "p50 ms", "p99 ms", "longest ms"), lines)
    for watch, what in (("debug", "asyncio's debug at 1 ms"), ("clock", "a clock around each callback")):
        if found := results["latency"].get(watch):
            text += f"\nCallbacks by {what}: " + ", ".join(f"{name} {value:.3g}" for name, value in found.items())
    return text


def promises(results: dict[str, Any]) -> str:
    """Target and what was reached, line by line."""
    lines = []
    for line in results["promises"]:
        reached = "no figure" if line["reached"] is None else f"{line['reached']:.2f}"
        verdict = ("pass" if line["passed"] else "FAIL") if line["counts"] else "(told)"
        lines.append((line["name"], line["target"], reached, verdict))
    return table(("promised", "target", "reached", ""), lines)


def text(results: dict[str, Any]) -> str:
    """Everything, as tables that are also Markdown."""
    made = results["versions"]
    packages = ", ".join(f"{name} {version}" for name, version in made["packages"].items() if version)
    parts = [
        f"{made['date']}, CPython {made['python']}, {made['rustc']}, Linux {made['kernel']}",
        f"{made['processors']} x {made['processor']}; medians of {results['rounds']} rounds",
        packages,
    ]
    parts += [calls(name, rows) for name, rows in results["calls"].items()]
    parts.append(uploads(results))
    parts.append(calls("our client against our emulator, HTTP", results["emulator"]))
    parts += [latency(results), footprint(results), promises(results)]
    pace = results["pace"]
    parts.append(
        f"\nA default client against the emulator's limit: {pace['rate']:.1f} calls a second, "
        f"{pace['throttled']:.0f} throttled, {pace['other_failures']:.0f} other failures"
    )
    for line, trouble in results["missing"].items():
        parts.append(f"\nNot compared with, since it would not install: {line} ({trouble})")
    for run, trouble in results["failed"].items():
        parts.append(f"\nFailed: {run}: {trouble}")
    return "\n".join(parts)
