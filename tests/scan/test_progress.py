"""How far a scan is, told without ever being in its way."""

from __future__ import annotations

import io
import logging
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import aigclens
from aigclens import ConfigError
from aigclens.scanning.progress import Line, Progress, Reporter, described, span
from aigclens.scanning.summary import Summary
from scan_rows import answered, failed


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def told(total: int | None = 100) -> tuple[Clock, Summary, Reporter, list[Progress]]:
    clock, heard = Clock(), list[Progress]()
    summary = Summary(clock=clock)
    return clock, summary, Reporter(heard.append, total, summary, clock), heard


def test_it_is_told_ten_times_a_second_at_most_and_at_the_end() -> None:
    clock, summary, reporter, heard = told()
    for number in range(50):
        summary.add(answered(f"{number}"))
        clock.now += 0.02
        reporter.tell("running")
    assert 8 <= len(heard) <= 10
    summary.add(failed("x", billing="possibly_billed"))
    reporter.tell("paused: the network is away")
    reporter.end()
    reporter.end()
    reporter.tell("running")
    last = heard[-1]
    assert len(heard) <= 12
    assert (last.done, last.total, last.ok, last.failed, last.state) == (51, 100, 50, 1, "over")
    assert (last.billed, last.possibly_billed, last.spent_usd) == (50, 1, Decimal("0.0306"))
    assert heard[-2].rate == pytest.approx(50, rel=0.2)
    assert heard[-2].eta == pytest.approx(1.0, rel=0.3)


def test_the_end_is_told_once_with_the_counts_of_all() -> None:
    clock, summary, reporter, heard = told()
    for number in range(3):
        # A scan is over before the last of its rows is handed out.
        summary.add(answered(f"{number}"))
        clock.now += 1
        reporter.tell("over")
    reporter.end()
    assert [(one.state, one.done) for one in heard] == [("over", 3)]


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    clock, summary, reporter, heard = told(None)
    for _ in range(1000):
        summary.add(answered("a"))
    for _ in range(120):
        clock.now += 1
        summary.add(answered("a"))
        reporter.tell()
    assert heard[-1].rate == pytest.approx(1.0)
    assert heard[-1].eta is None


def test_what_a_callback_raises_is_logged_once_and_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    """H17: the scan goes on, whatever it is; only what ends a program does."""
    clock = Clock()

    def broken(_: Progress) -> None:
        raise RuntimeError("no bar")

    reporter = Reporter(broken, 10, Summary(clock=clock), clock)
    with caplog.at_level(logging.ERROR, "aigclens"):
        for _ in range(5):
            clock.now += 1
            reporter.tell()
        reporter.end()
        reporter.close()
    assert [record.getMessage() for record in caplog.records] == [
        "progress raised RuntimeError; the scan goes on, and this is not said again"
    ]

    def interrupted(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Reporter(interrupted, 10, Summary(clock=clock), clock).tell()


def test_a_scan_goes_on_whatever_its_progress_does(
    client: aigclens.Client, tmp_path: Path, png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """H17: every row comes, every answer is in the store, and the exception is told of once."""
    seen: list[Progress] = []

    def broken(progress: Progress) -> None:
        seen.append(progress)
        raise RuntimeError("no bar")

    sources = [(f"{number}.png", png + bytes([number])) for number in range(8)]
    store = tmp_path / "s.sqlite"
    with caplog.at_level(logging.ERROR, "aigclens"):
        rows = list(client.scan(sources, store=store, progress=broken))
    assert (len(rows), all(row.ok for row in rows)) == (8, True)
    assert (seen[-1].done, seen[-1].billed, seen[-1].state) == (8, 8, "over")
    assert len(caplog.records) == 1
    assert all(row.cached for row in client.scan(sources, store=store))


def test_what_it_cannot_be() -> None:
    async def later(_: Progress) -> None: ...

    wrong: Any
    for wrong in (1, "yes", later, []):
        with pytest.raises(ConfigError, match="progress is"):
            Reporter(wrong, None, Summary())


def test_a_bar_of_tqdm(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    clock = Clock()
    summary = Summary(clock=clock)
    reporter = Reporter(True, 2, summary, clock)
    for state in ("running", "paused: \x1b[2J"):
        summary.add(answered("a"))
        clock.now += 1
        reporter.tell(state)
    reporter.end()
    reporter.close()
    shown = capsys.readouterr().err
    assert "2/2" in shown and "0.0012 USD, errors 0" in shown
    assert "\x1b[2J" not in shown


def test_a_line_without_tqdm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    summary = Summary()
    reporter = Reporter(True, 2, summary)
    summary.add(answered("a"))
    reporter.end()
    reporter.close()
    first, _, *rest = capsys.readouterr().err.split("  ")
    assert (first, rest) == ("1/2 (50.0%)", ["0.0006 USD", "errors 0\n"])


FACTS: dict[str, Any] = {
    "done": 1, "total": 2, "ok": 1, "failed": 0, "cached": 0, "duplicates": 0, "billed": 1, "possibly_billed": 0,
    "spent_usd": Decimal("0.0006"), "rate": 0.0, "eta": None, "state": "over",
}  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line_and_a_file_one_every_ten_seconds() -> None:
    """N04: what a state says does not steer a terminal."""
    clock, terminal, file = Clock(), Terminal(), io.StringIO()
    lines = [Line(terminal, clock), Line(file, clock)]
    for second in range(25):
        clock.now += 1
        for line in lines:
            line(Progress(**{**FACTS, "done": second, "total": None, "state": "paused: \x1b]0;x\x07\n"}))
    for line in lines:
        line(Progress(**{**FACTS, "done": 25}))
        line.close()
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().count("\r") == 26
    assert "\x1b" not in terminal.getvalue()
    assert [text.split()[0] for text in file.getvalue().splitlines()] == ["9", "19", "25/2"]
    silent = Line(None)
    silent(Progress(**FACTS))
    silent.close()


def test_the_words() -> None:
    progress = Progress(
        **{**FACTS, "done": 12_345, "total": 1_000_000, "rate": 98.76, "eta": 10_000.0, "state": "running", "cached": 7}
    )
    assert described(progress) == "12,345/1,000,000 (1.2%)  98.8/s  0.0006 USD  ETA 2:46:40  errors 0  cached 7"
    assert [span(seconds) for seconds in (0, 7.9, 60, 3600, -1, 1e300)] == [
        "0:00", "0:07", "1:00", "1:00:00", "0:00", "277777:46:40",
    ]  # fmt: skip
