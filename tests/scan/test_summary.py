"""What a run came to."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path

import pytest

import aigclens
from aigclens import ConfigError
from aigclens.models import Label
from aigclens.scanning.summary import Summary, described
from scan_rows import again, answered, failed


class Clock:
    now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def test_it_shows_what_it_came_to() -> None:
    summary = Summary()
    summary.add(answered("a.png"))
    assert repr(summary) == "<Summary 1 items: 1 ok, 0 failed, 0 cached, 0 duplicates; billed 0.0006 USD>"
    summary.add(failed("g.png", billing="possibly_billed"))
    assert repr(summary).endswith("1 failed, 0 cached, 0 duplicates; billed 0.0006, possibly 0.0006 USD>")


def test_everything_is_counted(tmp_path: Path) -> None:
    clock = Clock()
    summary = Summary(
        service="aigcDetector_ultra", endpoint="https://x", region="ap-southeast-1", budget=50_000_000,
        spent_before=1_200, wall=clock, clock=clock,
    )  # fmt: skip
    row = answered("a.png")
    three = (Label("risk_aigc", 100.0), Label("risk_fake", 9.99), Label("risk_edit", None))
    for one in (
        row,
        again(answered("b.png")),
        answered("c.png", duplicate_of="a.png", billing="not_billed"),
        answered("d.png", label="nonLabel", is_aigc=False, confidence=None, labels=(Label("nonLabel"),)),
        answered("e.png", label="risk_aigc", confidence=100.0, labels=three),
        answered("f.png", label=None, is_aigc=None, confidence=math.nan, labels=()),
        failed("g.png", billing="possibly_billed", error_code="DetectTimeout"),
        failed("h.png"),
        failed("i.png"),
    ):
        summary.add(one)
    clock.now += 4.5
    assert (summary.elapsed, summary.rate) == (4.5, 2.0)
    summary.end(stopped="the budget is spent", resume="run it again with a larger budget")
    clock.now += 100
    summary.end(stopped="never mind")
    facts = summary.to_dict()
    assert [facts[name] for name in ("items", "ok", "failed", "cached", "duplicates", "skipped")] == [9, 6, 3, 1, 1, 0]
    assert facts["errors"] == {"404": 2, "DetectTimeout": 1}
    assert facts["labels"] == {"aigc": 3, "nonLabel": 1, "risk_aigc": 1, "(none)": 1}
    assert facts["confidence"] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 4]
    assert facts["label_confidence"]["risk_fake"] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert set(facts["label_confidence"]) == {"aigc", "risk_aigc", "risk_fake"}
    assert facts["billed"] == {"calls": 4, "usd": "0.0024"}
    assert facts["possibly_billed"] == {"calls": 1, "usd": "0.0006"}
    assert facts["not_billed"] == {"items": 4}
    assert facts["budget"] == {"usd": "50.00", "spent_before_usd": "0.0012", "left_usd": "49.9958"}
    assert facts["price"]["usd_per_call"] == "0.0006"
    assert (facts["started_at"], facts["ended_at"]) == ("2001-09-09T01:46:40.000Z", "2001-09-09T01:46:44.500Z")
    assert (facts["elapsed_seconds"], facts["items_per_second"]) == (4.5, 2.0)
    assert (facts["stopped"], facts["version"]) == ("the budget is spent", aigclens.__version__)
    summary.spend(6, 2)
    assert (summary.billed_usd, summary.possibly_billed_usd) == (Decimal("0.0036"), Decimal("0.0012"))
    path = tmp_path / "summary.json"
    for _ in range(2):
        summary.write(path)
    assert json.loads(path.read_text()) == json.loads(json.dumps(summary.to_dict()))
    assert [one.name for one in tmp_path.iterdir()] == ["summary.json"]


def test_another_file_is_no_summary(tmp_path: Path) -> None:
    """N05."""
    path = tmp_path / "package.json"
    path.write_text('{"version": "1"}')
    with pytest.raises(ConfigError, match="exists"):
        Summary().write(path)
    assert path.read_text() == '{"version": "1"}'
    Summary().write(path, force=True)
    assert json.loads(path.read_text())["items"] == 0


def test_a_service_that_makes_up_names_does_not_fill_the_memory() -> None:
    summary = Summary()
    for number in range(3_000):
        summary.add(answered("a", label=f"l{number}", labels=(Label(f"l{number}", 50.0),)))
    facts = summary.to_dict()
    assert sum(facts["labels"].values()) == 3_000
    assert facts["labels"]["(others)"] == 2_000
    assert len(facts["label_confidence"]) == 1_001
    assert sum(map(sum, facts["label_confidence"].values())) == 3_000


def test_what_was_scanned_is_described(tmp_path: Path) -> None:
    """What the hash is: BLAKE3's own for no bytes and for `abc`, from its published test vectors and `b3sum`."""
    empty, abc = tmp_path / "empty.txt", tmp_path / "abc.txt"
    empty.touch()
    abc.write_bytes(b"abc")
    found = described([str(empty), abc, tmp_path, "https://x/y.png", str(tmp_path / "*.png")])
    assert [one["kind"] for one in found] == ["file", "file", "folder", "url", "pattern"]
    assert found[0]["blake3"] == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert found[1]["blake3"] == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    assert found[1]["bytes"] == 3
    shard = tmp_path / "0.tar"
    shard.touch()
    assert described([shard]) == [{"kind": "file", "path": str(shard), "bytes": 0}]
    assert "blake3" not in described(str(abc), hash_files=False)[0]
    assert described(["a"] * 5_000) == [{"kind": "list", "items": 5_000}]
    assert described(iter(())) == [{"kind": "tuple_iterator"}]
