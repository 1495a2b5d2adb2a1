"""What was promised, line by line, and what a run says of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

SYNC, SYNC_32 = "aigclens sync", "aigclens sync, 32 threads"
ASYNC, MANY = "aigclens async", "aigclens detect_many"
OFFICIAL, OFFICIAL_32, OFFICIAL_ASYNC = "official SDK sync", "official SDK sync, 32 threads", "official SDK async"
LIMIT, BARE = "pure Rust, reqwest", "pure Rust, hyper"
ONE, MANY_AT_ONCE = "one after the other", "64 at once"

# ours, the other, the case, schemes that count, schemes told beside them, what is promised
# ("less": the other uses at least so many times what ours does; "most": ours at most so many times the other).
CALLS: list[tuple[str, str, str, tuple[str, ...], tuple[str, ...], str, float]] = [
    (SYNC, OFFICIAL, ONE, ("HTTP",), ("HTTPS",), "less", 12.0),
    (SYNC, LIMIT, ONE, ("HTTP",), ("HTTPS",), "most", 1.6),
    (SYNC_32, OFFICIAL_32, MANY_AT_ONCE, ("HTTP",), ("HTTPS",), "less", 7.0),
    (ASYNC, OFFICIAL_ASYNC, MANY_AT_ONCE, ("HTTP",), (), "less", 11.0),
    (ASYNC, LIMIT, MANY_AT_ONCE, ("HTTP",), (), "most", 2.6),
    (ASYNC, OFFICIAL_ASYNC, MANY_AT_ONCE, ("HTTPS",), (), "less", 700.0),
    (ASYNC, LIMIT, MANY_AT_ONCE, ("HTTPS",), (), "most", 2.6),
    (ASYNC, "pyreqwest async", MANY_AT_ONCE, ("HTTP",), ("HTTPS",), "less", 2.2),
    (ASYNC, "aiohttp", MANY_AT_ONCE, ("HTTP",), ("HTTPS",), "less", 3.0),
    (MANY, OFFICIAL_32, MANY_AT_ONCE, ("HTTP",), ("HTTPS",), "less", 20.0),
    (MANY, LIMIT, MANY_AT_ONCE, ("HTTP",), ("HTTPS",), "most", 1.4),
]


@dataclass(frozen=True, slots=True)
class Line:
    """One promise: what was reached, and whether that is enough. One that does not count is told for completeness."""

    name: str
    target: str
    reached: float | None
    passed: bool
    counts: bool = True

    def dictionary(self) -> dict[str, Any]:
        """For `results.json`."""
        return asdict(self)


def _line(name: str, wanted: str, bound: float, reached: float | None, unit: str = "x", counts: bool = True) -> Line:
    if wanted == "less":
        passed = reached is not None and reached >= bound
        return Line(name, f"at least {bound:g}{unit}", reached, passed, counts)
    passed = reached is not None and reached <= bound
    return Line(name, f"at most {bound:g}{unit}", reached, passed, counts)


def _ratio(over: float | None, under: float | None) -> float | None:
    return over / under if over is not None and under else None


def _of_calls(results: dict[str, Any]) -> list[Line]:
    lines = []
    for ours, other, case, counted, told, wanted, bound in CALLS:
        for scheme in (*counted, *told):
            rows = results["calls"].get(f"{case}, {scheme}")
            if rows is None and scheme in told:
                continue
            mine, theirs = ((rows or {}).get(client, {}).get("cpu_us") for client in (ours, other))
            reached = _ratio(theirs, mine) if wanted == "less" else _ratio(mine, theirs)
            name = f"{ours} against {other}, {case}, {scheme}"
            lines.append(_line(name, wanted, bound, reached, counts=scheme in counted))
    return lines


def _of_footprint(results: dict[str, Any]) -> list[Line]:
    lines = []
    found, sizes = results["footprint"], results["sizes"]
    for key, name, bound, table in (
        ("import_best_ms", "time of the import", 40.0, found),
        ("rss_bytes", "memory after the import", 4.0, found),
        ("bytes", "installed size", 6.0, sizes),
    ):
        mine, theirs = (table.get(client, {}).get(key) for client in ("aigclens", "official SDK"))
        lines.append(_line(f"{name} against the official SDK", "less", bound, _ratio(theirs, mine)))
    return lines


def _or_as(name: str, bound: float, mine: float | None, other: float | None, who: str) -> Line:
    """At most so many milliseconds. Where the other has more, because the machine is slow, ours must not have more
    than that."""
    if other is None or other <= bound:
        return _line(name, "most", bound, mine, " ms")
    return replace(_line(name, "most", other, mine, " ms"), target=f"at most {bound:g} ms, or as {who}: {other:.3g} ms")


def _of_latency(added: dict[str, Any]) -> Line:
    """A bare connection tells what the server's queue has of it, where 64 answers fall due at the same moment."""
    name = "added latency, p99, async, 64 at once, 50 ms server"
    mine, bare = (added.get(client, {}).get("p99_ms") for client in (ASYNC, BARE))
    return _or_as(name, 10.0, mine, bare, "bare hyper")


def _of_callbacks(debug: dict[str, Any]) -> Line:
    """The same loop without a client tells what asyncio and the machine have of it."""
    name, alone = "longest callback, asyncio's debug at 1 ms", debug.get("longest_ms_without_a_client")
    return _or_as(name, 1.0, debug.get("longest_ms"), alone, "without a client")


def check(results: dict[str, Any]) -> list[Line]:
    """All lines."""
    lines = _of_calls(results)
    uploads = results["uploads"].get("500 kB", {})
    mine, theirs = (
        uploads.get(client, {}).get("cpu_us") for client in ("aigclens upload", "official SDK + oss2 upload")
    )
    name = "file of 500 kB, token cached, upload + detect, HTTPS, against official SDK + oss2"
    lines.append(_line(name, "less", 8.0, _ratio(theirs, mine)))
    lines += _of_footprint(results)
    lines.append(_of_latency(results["latency"]["added"].get("HTTP", {})))
    lines.append(_of_callbacks(results["latency"].get("debug", {})))
    pace = results["pace"]
    lines.append(_line("default client against the emulator's limit, calls a second", "less", 93.0, pace["rate"], ""))
    lines.append(_line("default client against the emulator's limit, throttled", "most", 0.0, pace["throttled"], ""))
    return lines
