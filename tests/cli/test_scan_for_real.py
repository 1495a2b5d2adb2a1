"""The command against the emulator, from the folder to the file: what is paid, once, whatever ends it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import images
from aigclens.testing import Emulator

COMMAND = [sys.executable, "-W", "error", "-m", "aigclens"]


@pytest.fixture
def service() -> Iterator[Emulator]:
    with Emulator(qps=0) as running:
        yield running


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """40 files of 30 contents, and one that is no image."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for number in range(40):
        text = {"parameters": f"{images.A1111} {number % 30}"}
        (folder / ("deep" if number % 2 else ".") / f"{number}.png").write_bytes(images.png(64, 64, text=text))
    (folder / "bad.png").write_bytes(b"no image")
    return folder


def environment(service: Emulator) -> dict[str, str]:
    return {**os.environ, **service.environment(), "PYTHONPATH": os.pathsep.join(sys.path)}


def run(service: Emulator, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True, timeout=100, check=False, cwd=folder, env=environment(service), text=True,
    )  # fmt: skip


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_budget_stops_it_and_the_next_run_goes_on(service: Emulator, photos: Path, tmp_path: Path) -> None:
    """M03, L01, L02: never more than the budget, equal images once, a second run for nothing."""
    command = ("scan", "photos", "--out", "o.jsonl", "--summary", "s.json", "--quiet")
    nothing = run(service, tmp_path, *command, "--budget", "0 USD")
    assert (nothing.returncode, service.ledger().billed) == (3, 0)
    for calls, code in ((5, 3), (12, 3), (100, 1)):
        done = run(service, tmp_path, *command, "--budget", f"{calls} calls")
        assert done.returncode == code, done.stderr
        assert service.ledger().billed == min(calls, 30)
        assert done.stderr.count("\n") == (code == 3)
    rows = rows_of(tmp_path / "o.jsonl")
    assert Counter(row["key"] for row in rows) == Counter(
        ["bad.png", *(f"deep/{number}.png" if number % 2 else f"{number}.png" for number in range(40))]
    )
    assert Counter(row["billing"] for row in rows) == {"billed": 30, "not_billed": 11}
    kept = (tmp_path / "o.jsonl").read_bytes()
    done = run(service, tmp_path, *command)
    assert (done.returncode, done.stderr, service.ledger().billed) == (1, "", 30)
    assert (tmp_path / "o.jsonl").read_bytes() == kept
    summary = json.loads((tmp_path / "s.json").read_text())
    assert (summary["items"], summary["cached"], summary["billed"]["calls"]) == (41, 40, 0)
    assert summary["errors"] == {"UnsupportedImageFormat": 1}


def test_several_sources_are_one_scan(service: Emulator, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("id,path,split\nx,photos/0.png,train\ny,photos/2.png,test\n")
    arguments = ("--path-column", "path", "--key-column", "id", "--carry", "split", "--out", "o.csv", "--quiet")
    done = run(service, tmp_path, "scan", "list.csv", "list.csv", *arguments)
    assert (done.returncode, service.ledger().billed) == (0, 2), done.stderr
    lines = (tmp_path / "o.csv").read_text().splitlines()
    assert lines[0].endswith(",detected_at,split")
    assert sorted(line.split(",")[0] + line.rpartition(",")[2] for line in lines[1:]) == [
        "xtrain", "xtrain", "ytest", "ytest",
    ]  # fmt: skip
    done = run(service, tmp_path, "scan", "photos/4.png", "photos/deep", "--store", "s", "--quiet")
    assert done.returncode == 0, done.stderr
    assert sorted(line.split("\t")[0] for line in done.stdout.splitlines())[-1] == "9.png"
    assert len(done.stdout.splitlines()) == 21


def test_any_number_of_kills_and_one_whole_run(service: Emulator, photos: Path, tmp_path: Path) -> None:
    """L03: after them the output has each item once, and what was paid for and lost is at most what was in flight."""
    dice = random.Random(4)
    command = [*COMMAND, "scan", "photos", "--out", "o.jsonl", "--quiet", "--concurrency", "2", "--qps", "20"]
    kills = 0
    for _ in range(5):
        with subprocess.Popen(command, cwd=tmp_path, env=environment(service), stderr=subprocess.PIPE) as process:
            before = service.ledger().billed
            end = time.monotonic() + 30
            while process.poll() is None and service.ledger().billed < before + 1 + dice.randrange(5):
                assert time.monotonic() < end
            kills += process.poll() is None
            process.kill()
    done = run(service, tmp_path, *command[len(COMMAND) :])
    assert done.returncode == 1, done.stderr
    assert kills > 0
    rows = rows_of(tmp_path / "o.jsonl")
    assert len(rows) == len({row["key"] for row in rows}) == 41
    assert sum(row["ok"] for row in rows) == 40
    assert 30 <= service.ledger().billed <= 30 + kills * 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_loses_nothing(
    service: Emulator, photos: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """H11: what is in flight is finished and kept; the same command goes on, and pays for nothing twice."""
    command = [*COMMAND, "scan", "photos", "--out", "o.jsonl", "--quiet", "--concurrency", "2"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(service), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while service.ledger().billed < 3:
            assert process.poll() is None
        process.send_signal(number)
        told = process.stderr.read().splitlines()
        assert process.wait(60) == code, told
    assert told[-1] == "aigclens: interrupted; the same command goes on where this one ended"
    paid = service.ledger().billed
    assert paid < 30
    assert sum(row["billing"] == "billed" for row in rows_of(tmp_path / "o.jsonl")) == paid
    assert run(service, tmp_path, *command[len(COMMAND) :]).returncode == 1
    assert service.ledger().billed == 30
    assert len(rows_of(tmp_path / "o.jsonl")) == 41


def test_account_trouble_stops_it_at_once(service: Emulator, photos: Path, tmp_path: Path) -> None:
    service.settings(account_ready=False)
    done = run(service, tmp_path, "scan", "photos", "--out", "o.jsonl", "--quiet")
    assert done.returncode == 4
    assert done.stderr.startswith("aigclens: AccountNotReady: ") and done.stderr.count("\n") == 1
    assert "the same command goes on where this one ended, once that is mended" in done.stderr
    service.settings(account_ready=True)
    assert run(service, tmp_path, "scan", "photos", "--out", "o.jsonl", "--quiet").returncode == 1
    assert service.ledger().billed == 30


def test_an_estimate_is_what_a_scan_then_costs(service: Emulator, photos: Path, tmp_path: Path) -> None:
    """M04: nothing is asked; after a part was paid for, the rest is what is left."""
    for store, cached in ((), 0), (("--store", "o.jsonl.aigclens.sqlite"), 12):
        for command in (["estimate", "photos"], ["scan", "photos", "--dry-run"]):
            before = service.ledger().billed
            done = run(service, tmp_path, *command, "--json", *store)
            assert (done.returncode, done.stderr) == (0, "")
            found = json.loads(done.stdout)
            assert (found["items"], found["refused"], found["duplicates"], found["cached"]) == (41, 1, 10, cached)
            assert (found["calls"], found["usd"]) == (30 - cached, f"{0.0006 * (30 - cached):.4f}".rstrip("0"))
            assert service.ledger().billed == before
        if not cached:
            run(service, tmp_path, "scan", "photos", "--out", "o.jsonl", "--budget", "12 calls", "--quiet")


def test_a_store_says_what_it_has(service: Emulator, photos: Path, tmp_path: Path) -> None:
    """Its export has what the scan's output has, and is not written over by accident."""
    run(service, tmp_path, "scan", "photos", "--out", "o.jsonl", "--quiet")
    store = "o.jsonl.aigclens.sqlite"
    info = json.loads(run(service, tmp_path, "store", "info", store, "--json").stdout)
    assert (info["answered"], info["emulator_spend"]["billed_calls"], len(info["runs"])) == (30, 30, 1)
    assert (info["emulator_spend"]["billed_usd"], info["spend"]["billed_usd"]) == ("0.018", "0.00")
    assert info["created_at"].endswith("Z")
    table = run(service, tmp_path, "store", "info", store).stdout
    assert "emulator_spend.billed_usd" in table and max(map(len, table.splitlines())) < 200
    for suffix in ("jsonl", "csv", "html"):
        assert run(service, tmp_path, "store", "export", store, "--out", f"e.{suffix}").returncode == 0
        assert run(service, tmp_path, "store", "export", store, "--out", f"e.{suffix}").returncode == 4
    found = {row["key"]: (row["label"], row["blake3"], row["request_id"]) for row in rows_of(tmp_path / "e.jsonl")}
    wanted = {row["key"]: (row["label"], row["blake3"], row["request_id"]) for row in rows_of(tmp_path / "o.jsonl")}
    assert {key: value for key, value in wanted.items() if key in found} == found
    assert len(found) >= 40
    assert run(service, tmp_path, "store", "unresolved", store).returncode == 0
    done = run(service, tmp_path, "store", "verify", store, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"sound": True, "problems": []})
    (tmp_path / "no.sqlite").write_text("no store at all")
    for command in ("info", "verify", "unresolved"):
        done = run(service, tmp_path, "store", command, "no.sqlite")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)


def test_an_output_that_is_no_file_is_told_what_there_is(service: Emulator, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for out, says in (
        ("-", "--out is a file; --json prints the rows to the standard output"),
        ("gone/o.csv", "gone/o.csv: the folder gone does not exist; make it first"),
        ("o.xlsx", "say which format (--format, format=)"),
    ):
        done = run(service, tmp_path, "scan", "photos", "--out", out)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert done.stderr.endswith(says + "\n")
        assert out == "-" or done.stderr.count(out) == 1


def test_nothing_is_written_over_what_is_read(service: Emulator, photos: Path, tmp_path: Path) -> None:
    """`--force` replaces an earlier output, never a source, a store, or another output of the same command."""
    names = "".join(f'{{"path": "photos/{number}.png"}}\n' for number in range(0, 6, 2))
    (tmp_path / "list.jsonl").write_text(names)
    done = run(service, tmp_path, "scan", "list.jsonl", "--out", "v.csv", "--store", "s.sqlite")
    assert done.returncode == 0, done.stderr
    store = (tmp_path / "s.sqlite").read_bytes()
    jsonl = ("--force", "--format", "jsonl")
    for command, what in (
        (("scan", "list.jsonl", "--out", "list.jsonl", "--force"), "--out and the source"),
        (("scan", "photos", "list.jsonl", "--out", "./list.jsonl", "--force"), "--out and the source"),
        (("scan", "list.jsonl", "--summary", "list.jsonl", "--force"), "--summary and the source"),
        (("scan", "photos", "--store", "s.sqlite", "--out", "s.sqlite", *jsonl), "--out and --store"),
        (("scan", "photos", "--out", "n.jsonl", "--summary", "n.jsonl"), "--out and --summary"),
        (("store", "export", "s.sqlite", "--out", "s.sqlite", *jsonl), "--out and --store"),
    ):
        done = run(service, tmp_path, *command)
        assert (done.returncode, done.stdout) == (4 if command[0] == "store" else 2, ""), done.stderr
        assert done.stderr.startswith(f"aigclens: ConfigError: {what} are the same file, "), done.stderr
    assert (tmp_path / "list.jsonl").read_text() == names
    assert (tmp_path / "s.sqlite").read_bytes() == store
    assert service.ledger().billed == 3


@pytest.mark.parametrize("wrong", ["gone", "gone.tar", "*.tiff", "list.csv"])
def test_of_several_sources_each_is_looked_at_first(
    service: Emulator, photos: Path, tmp_path: Path, wrong: str
) -> None:
    """A source that cannot be read is wrong usage, and not found out after the others were paid for."""
    (tmp_path / "list.csv").write_text("id,where\n1,photos/0.png\n")
    long = f"https://example.com/{'a' * 300}.png"
    done = run(service, tmp_path, "scan", "photos", long, wrong, "--store", "s", "--quiet")
    assert (done.returncode, done.stdout, service.ledger().billed) == (2, "", 0), done.stderr
    assert done.stderr.startswith("aigclens: ConfigError: ")
    assert done.stderr.count("\n") == 1
    assert wrong in done.stderr


def test_what_a_kill_left_is_unresolved_at_once(service: Emulator, photos: Path, tmp_path: Path) -> None:
    """L24: not only once the next run has looked: `store info` and an estimate say what that run will say."""
    service.fault(stage="after_billing", action="stall", times=2, operation="ImageModeration")
    command = [*COMMAND, "scan", "photos", "--store", "s.sqlite", "--quiet", "--concurrency", "2"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(service), stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 30
        while service.ledger().billed < 2:
            assert time.monotonic() < end
        process.kill()
    info = json.loads(run(service, tmp_path, "store", "info", "s.sqlite", "--json").stdout)
    doubts = run(service, tmp_path, "store", "unresolved", "s.sqlite", "--json").stdout.splitlines()
    assert info["unresolved"] == len(doubts) == 2
    found = run(service, tmp_path, "estimate", "photos", "--store", "s.sqlite", "--retry", "none", "--json")
    assert json.loads(found.stdout)["calls"] == 28, found.stderr
    done = run(service, tmp_path, "scan", "photos", "--store", "s.sqlite", "--retry", "none", "--quiet")
    assert (done.returncode, service.ledger().billed) == (1, 30), done.stderr
    again = json.loads(run(service, tmp_path, "store", "info", "s.sqlite", "--json").stdout)
    assert (again["unresolved"], again["open"], again["answered"]) == (2, 0, 28)


def test_the_summary_says_that_it_was_an_emulator(service: Emulator, photos: Path, tmp_path: Path) -> None:
    """It never stands in silently; and a source without images is said to have none."""
    (tmp_path / "photos" / "notes.txt").write_text("x")
    done = run(service, tmp_path, "scan", "photos", "--out", "o.jsonl")
    assert "aigclens: 40 answered by an emulator, which looks at no pixels: no money\n" in done.stderr
    assert "aigclens: 1 passed over, no images\n" in done.stderr
    (tmp_path / "empty").mkdir()
    done = run(service, tmp_path, "scan", "empty", "--out", "e.jsonl")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        0, "aigclens: there is no image to ask about; 0 passed over",
    )  # fmt: skip
