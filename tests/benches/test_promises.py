"""What the table of `make bench` promises is judged by its figures, and a promise without a figure is not kept."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from programs import load

targets, plot, samples = load("targets"), load("plot"), load("samples")


def results(**changed: float) -> dict[str, Any]:
    """A run that keeps every promise, exactly where that is enough."""
    one = {"aigclens sync": 40.0, "official SDK sync": 480.0, "pure Rust, reqwest": 25.0}
    many = {
        "aigclens sync, 32 threads": 70.0,
        "official SDK sync, 32 threads": 490.0,
        "aigclens async": 44.0,
        "official SDK async": 484.0,
        "aigclens detect_many": 24.0,
        "pure Rust, reqwest": 20.0,
        "pyreqwest async": 97.0,
        "aiohttp": 140.0,
    }
    secure = many | {"official SDK async": 42_000.0}
    calls = {"one after the other, HTTP": one, "64 at once, HTTP": many, "64 at once, HTTPS": secure}
    many |= changed
    return {
        "calls": {case: {client: {"cpu_us": cpu} for client, cpu in rows.items()} for case, rows in calls.items()},
        "uploads": {"500 kB": {"aigclens upload": {"cpu_us": 1.0}, "official SDK + oss2 upload": {"cpu_us": 8.0}}},
        "footprint": {
            "aigclens": {"import_best_ms": 1.0, "rss_bytes": 1.0},
            "official SDK": {"import_best_ms": 40.0, "rss_bytes": 4.0},
        },
        "sizes": {"aigclens": {"bytes": 1}, "official SDK": {"bytes": 6}},
        "latency": {"added": {"HTTP": {"aigclens async": {"p99_ms": 10.0}}}, "debug": {"longest_ms": 1.0}},
        "pace": {"rate": 93.0, "throttled": 0.0},
    }


def broken(found: dict[str, Any]) -> list[str]:
    return [line.name for line in targets.check(found) if line.counts and not line.passed]


def test_a_run_that_keeps_all_promises_passes() -> None:
    assert broken(results()) == []
    assert sum(line.counts for line in targets.check(results())) == 19


@pytest.mark.parametrize(
    ("client", "cpu", "times"),
    [
        ("aigclens async", 53.0, 4),
        ("aigclens detect_many", 28.1, 2),
        ("aiohttp", 131.0, 1),
        ("pyreqwest async", 90.0, 1),
    ],
)
def test_a_figure_that_is_not_enough_fails(client: str, cpu: float, times: int) -> None:
    lines = broken(results(**{client: cpu}))
    assert len(lines) == times
    assert all(client in line for line in lines)


def test_what_was_not_measured_is_not_kept() -> None:
    found = results()
    del found["calls"]["64 at once, HTTP"]["pyreqwest async"]
    del found["footprint"]["official SDK"]
    found["uploads"] = {}
    assert len(broken(found)) == 4
    lines = [line for line in targets.check(found) if line.counts and not line.passed]
    assert all(line.reached is None for line in lines)


def test_one_throttled_call_fails() -> None:
    found = results()
    found["pace"] = {"rate": 92.9, "throttled": 1.0}
    assert len(broken(found)) == 2


@pytest.mark.parametrize(
    ("longest", "alone", "is_kept"), [(1.0, 0.0, True), (2.0, 1.0, False), (2.0, 2.0, True), (3.0, 2.0, False)]
)
def test_a_callback_is_measured_by_the_loop_without_a_client(longest: float, alone: float, is_kept: bool) -> None:
    found = results()
    found["latency"]["debug"] = {"longest_ms": longest, "longest_ms_without_a_client": alone}
    assert (broken(found) == []) is is_kept
    line = next(line for line in targets.check(found) if "callback" in line.name)
    assert ("without a client" in line.target) is (alone > 1)


@pytest.mark.parametrize(
    ("p99", "bare", "is_kept"), [(10.1, None, False), (10.1, 10.0, False), (10.1, 10.2, True), (12.0, 11.0, False)]
)
def test_the_added_latency_is_measured_by_a_bare_connection(p99: float, bare: float | None, is_kept: bool) -> None:
    found = results()
    added = found["latency"]["added"]["HTTP"]
    added["aigclens async"]["p99_ms"] = p99
    if bare is not None:
        added["pure Rust, hyper"] = {"p99_ms": bare}
    assert (broken(found) == []) is is_kept
    line = next(line for line in targets.check(found) if "latency" in line.name)
    assert ("bare hyper" in line.target) is (bare is not None and bare > 10)


@pytest.mark.parametrize("is_logarithmic", [False, True])
def test_a_plot_is_svg_with_all_points(is_logarithmic: bool) -> None:
    lines = {"a": [(1.0, 3.0), (1024.0, 950.0)], "b & c": [(16.0, 40.0)]}
    root = ElementTree.fromstring(plot.svg("CPU <µs>", "calls", lines, is_logarithmic))
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}circle")) == 3
    for circle in root.findall(f"{space}circle"):
        assert 0 <= float(circle.get("cx", "-1")) <= plot.WIDTH
        assert plot.TOP - 1 <= float(circle.get("cy", "-1")) <= plot.HEIGHT - plot.BOTTOM + 1
    assert "b & c" in [text.text for text in root.findall(f"{space}text")]


def test_samples_are_images_of_the_size_asked_for() -> None:
    import io

    from PIL import Image

    made = samples.png(50_000)
    assert 45_000 < len(made) <= 50_000
    with Image.open(io.BytesIO(made)) as image:
        image.load()
        assert image.format == "PNG"
