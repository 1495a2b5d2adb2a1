"""The command `scan` and its kin: what goes where, with which exit code, and what happens when somebody interrupts."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aigclens.scanning.rows import COLUMNS
from fake_scan import HOSTILE

COMMAND = [sys.executable, "-W", "error", "-m", "fake_scan"]
KEYS = ["a.png", "b.png", "!c.png"]
GOOD = ["a.png", "b.png"]
STEERING = ("\x1b", "\x07", "\u202e", "\rc")


def environment(script: dict[str, Any], **other: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "FAKE_SCAN": json.dumps(script),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
        "PYTHONUNBUFFERED": "",
        **other,
    }


def run(
    folder: Path, *arguments: str, script: dict[str, Any] | None = None, **other: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        cwd=folder,
        env=environment(script or {"rows": KEYS}, **other),
        text=True,
        encoding="utf-8",
    )


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_exit_codes(tmp_path: Path) -> None:
    """0 all answered, 1 some failed, 2 usage, 3 budget, 4 whatever else stopped it; one line says how to go on."""
    for rows, error, code in (
        (GOOD, None, 0),
        (KEYS, None, 1),
        (KEYS, ["BudgetExceeded", "the budget is spent"], 3),
        (KEYS, ["AccountNotReady", "activate the service"], 4),
        (KEYS, ["CredentialsExpired", "expired"], 4),
        (KEYS, ["ScanPaused", "20 refusals in a row"], 4),
        (KEYS, ["StoreFull", "no room"], 4),
        (KEYS, ["ConfigError", "the list breaks off"], 4),
    ):
        done = run(tmp_path, "scan", "x", "--store", "s", script={"rows": rows, "error": error})
        assert (done.returncode, len(done.stdout.splitlines())) == (code, len(rows)), done.stderr
        last = done.stderr.splitlines()[-1]
        if error:
            assert last.startswith(f"aigclens: {error[0]}: {error[1]}; the same command goes on where this one ended")
            assert ("larger --budget" in last) == (code == 3)
        assert "Traceback" not in done.stderr
    done = run(tmp_path, "scan", "x", script={"rows": KEYS, "error": ["BudgetExceeded", "spent"]})
    assert done.stderr.splitlines()[-1].endswith("nothing was kept; with --store a scan goes on where it ended")
    for refusal in ("StoreLocked", "StoreDamaged", "ConfigError"):
        done = run(tmp_path, "scan", "x", "--store", "s", script={"rows": [], "refuses": [refusal, "no"]})
        code = 2 if refusal == "ConfigError" else 4
        assert (done.returncode, done.stdout, done.stderr) == (code, "", f"aigclens: {refusal}: no\n")


@pytest.mark.parametrize(
    "wrong",
    [
        [], ["x", "--budget", "50 EUR"], ["x", "--budget", "0.1"], ["x", "--budget", "-1 USD"], ["x", "--retry", "all"],
        ["x", "--format", "xml"], ["x", "--data-id", "name"], ["x", "--concurrency", "many"],
        ["x", "--pace", "redis://me:hunter2@host"],
    ],
)  # fmt: skip
def test_usage(tmp_path: Path, wrong: list[str]) -> None:
    """M03: a budget that is none is refused before anything starts."""
    done = run(tmp_path, "scan", *wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert "hunter2" not in done.stderr
    assert "error:" in done.stderr.splitlines()[-1]


def test_help_and_the_exit_codes_in_it(tmp_path: Path) -> None:
    for command in (["scan"], ["estimate"], ["store"], ["store", "export"]):
        assert run(tmp_path, *command, "--help").returncode == 0
    for code in ("3 stopped by the budget", "143 terminated"):
        assert code in " ".join(run(tmp_path, "scan", "--help").stdout.split())


def test_plain_rows_are_safe_for_tabs_and_terminals(tmp_path: Path) -> None:
    """N02, N04: names, labels, errors and states, on both outputs."""
    script = {"rows": KEYS, "hostile": True, "error": ["ScanPaused", HOSTILE], "state": f"paused: {HOSTILE}"}
    done = run(tmp_path, "scan", "x", "--store", "s", script=script)
    lines = done.stdout.splitlines()
    assert [len(line.split("\t")) for line in lines] == [7, 7, 7]
    assert lines[0].split("\t")[1:6:2] == ["yes", "97.25", "billed"]
    assert lines[2].split("\t")[1] == "failed"
    assert not any(steering in done.stdout + done.stderr for steering in STEERING)
    assert "pwned" in done.stdout and "pwned" in done.stderr
    code, shown = on_a_terminal(tmp_path, "scan", "x", "--out", "o.jsonl", script=script)
    assert code == 4
    assert "pwned" in shown
    assert not any(steering in shown for steering in ("\x1b]", "\x07", "\x1b[2Jb", "\u202e", "\rc"))


def test_json_is_a_row_a_line_and_the_summary_last(tmp_path: Path) -> None:
    """N02, N04: machines get every character, in plain ASCII."""
    done = run(tmp_path, "scan", "x", "--json", "--store", "s", script={"rows": KEYS, "hostile": True})
    *rows, last = map(json.loads, done.stdout.splitlines())
    assert done.stdout.isascii() and "\x1b" not in done.stdout
    assert [tuple(row) for row in rows] == [COLUMNS] * 3
    assert rows[0]["label"] == HOSTILE
    assert set(last) == {"summary"}
    assert (last["summary"]["items"], last["summary"]["failed"], last["summary"]["stopped"]) == (3, 1, None)


def test_what_is_said_beside_the_rows(tmp_path: Path) -> None:
    done = run(tmp_path, "scan", "x", "--out", "o.jsonl")
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0] == "aigclens: every answer is kept in o.jsonl.aigclens.sqlite; --store names another file"
    assert lines[1].startswith("3/3 (100.0%)") and lines[1].endswith("errors 1")
    assert lines[2].startswith("aigclens: 3 images: 2 answered, 1 failed, 0 from the store, 0 duplicates")
    assert lines[3].startswith("aigclens: 2 calls billed: 0.0012 USD")
    quiet = run(tmp_path, "scan", "x", "--out", "q.jsonl", "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (1, "", "")
    assert "answers are kept nowhere" in run(tmp_path, "scan", "x").stderr


def test_the_output_is_continued_by_the_same_command(tmp_path: Path) -> None:
    """N05: and another's file is left alone before anything is asked."""
    for suffix in ("jsonl", "csv", "parquet"):
        if suffix == "parquet":
            pytest.importorskip("pyarrow")
        out = tmp_path / f"o.{suffix}"
        stopped = {"rows": GOOD[:1], "error": ["BudgetExceeded", "spent"]}
        assert run(tmp_path, "scan", "x", "--out", str(out), script=stopped).returncode == 3
        assert out.exists()
        assert run(tmp_path, "scan", "x", "--out", str(out), script={"rows": GOOD, "cached": True}).returncode == 0
        kept = out.read_bytes()
        early = {"rows": [], "cached": True, "error": ["AccountNotReady", "no"]}
        done = run(tmp_path, "scan", "x", "--out", str(out), script=early)
        assert done.returncode == 4
        assert out.read_bytes() == kept
        out.write_bytes(b"precious\n")
        log = tmp_path / f"log.{suffix}"
        done = run(tmp_path, "scan", "x", "--out", str(out), FAKE_LOG=str(log))
        assert (done.returncode, done.stdout) == (2, "")
        assert "--force" in done.stderr and done.stderr.count("\n") == 1
        assert not log.exists(), "no scan was begun"
        assert out.read_bytes() == b"precious\n"
        assert run(tmp_path, "scan", "x", "--out", str(out), "--force").returncode == 1
        assert out.read_bytes() != b"precious\n"
        assert not list(tmp_path.glob(".*"))


def test_jsonl_keeps_what_was_paid(tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    run(tmp_path, "scan", "x", "--out", str(out), script={"rows": GOOD})
    run(tmp_path, "scan", "x", "--out", str(out), script={"rows": [*GOOD, "d.png"], "cached": True})
    assert [(row["key"], row["billing"]) for row in rows_of(out)] == [
        ("a.png", "billed"), ("b.png", "billed"), ("d.png", "not_billed"),
    ]  # fmt: skip


def test_the_summary_is_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.png\n")
    summary = tmp_path / "summary.json"
    script = {"rows": KEYS, "error": ["BudgetExceeded", "spent"]}
    for _ in range(2):
        done = run(tmp_path, "scan", "list.txt", "--store", "s", "--summary", str(summary), script=script)
        assert done.returncode == 3
    found = json.loads(summary.read_text())
    assert (found["items"], found["errors"], found["billed"]["usd"]) == (3, {"404": 1}, "0.0012")
    assert found["stopped"] == "BudgetExceeded: spent"
    assert found["resume"].startswith("the same command goes on")
    assert (found["inputs"][0]["path"], found["inputs"][0]["bytes"]) == ("list.txt", 6)
    assert len(found["inputs"][0]["blake3"]) == 64
    summary.write_text("[]")
    done = run(tmp_path, "scan", "x", "--summary", str(summary))
    assert (done.returncode, done.stdout, summary.read_text()) == (2, "", "[]")


def test_options_reach_the_scan(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run(
        tmp_path, "scan", "x", "--store", "s", "--budget", "50 USD", "--concurrency", "3", "--ordered", "--retry",
        "errors", "--url-column", "URL", "--key-column", "ID", "--carry", "a,b", "--carry", "c", "--glob", "*.jpg",
        "--exclude", "t/*", "--root", "r", "--follow-symlinks", "--qps", "5", "--region", "us-east-1",
        "--check-image", "off", "--patience", "60", "--data-id", "hash",
        FAKE_LOG=str(log),
    )  # fmt: skip
    options, closed = map(json.loads, log.read_text().splitlines())
    assert options == {
        "store": "s", "budget": "50 USD", "concurrency": 3, "ordered": True, "retry": "errors", "url_column": "URL",
        "key_column": "ID", "carry": ["a", "b", "c"], "glob": ["*.jpg"], "exclude": ["t/*"], "root": "r",
        "follow_symlinks": True, "patience": 60.0, "data_id": "hash",
    }  # fmt: skip
    assert closed == "closed"
    for wrong in (["--region", "mars-1"], ["--qps", "1000"], ["--endpoint", "http://cloud.example"]):
        done = run(tmp_path, "scan", "x", *wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert "ConfigError" in done.stderr.splitlines()[-1]


def started(folder: Path, *arguments: str, script: dict[str, Any], **other: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "scan", "x", "--store", "s", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment(script, **other),
        text=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_gently(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """H10: rows and summary are written, and one line says how to go on."""
    log, out, summary = (tmp_path / name for name in ("log", "o.jsonl", "s.json"))
    script = {"rows": KEYS, "wait": 2}
    with started(
        tmp_path, "--json", "--out", str(out), "--summary", str(summary), script=script, FAKE_LOG=str(log)
    ) as one:
        assert one.stdout is not None and one.stderr is not None
        rows = [json.loads(one.stdout.readline()) for _ in range(2)]
        one.send_signal(number)
        (last,) = map(json.loads, one.stdout)
        told = one.stderr.read().splitlines()
        assert one.wait(30) == code
    assert [row["key"] for row in rows] == GOOD
    assert [row["key"] for row in rows_of(out)] == GOOD
    assert last["summary"]["stopped"] == "interrupted"
    assert json.loads(summary.read_text())["items"] == 2
    assert "aigclens: stopping: what is in flight is finished and kept; once more stops now" in told
    assert told[-1] == "aigclens: interrupted; the same command goes on where this one ended"
    assert log.read_text().splitlines()[-1] == '"closed"'


def test_a_second_signal_ends_it_now(tmp_path: Path) -> None:
    """H10: what was written is whole."""
    out = tmp_path / "o.jsonl"
    script = {"rows": KEYS, "wait": 2, "deaf": True}
    with started(tmp_path, "--json", "--out", str(out), script=script) as one:
        assert one.stdout is not None and one.stderr is not None
        for _ in range(2):
            one.stdout.readline()
        one.send_signal(signal.SIGINT)
        while "stopping:" not in one.stderr.readline():
            assert one.poll() is None
        one.send_signal(signal.SIGINT)
        assert one.wait(30) == 130
        assert "aigclens: stopped; what was in flight may have been charged" in one.stderr.read()
    assert [row["key"] for row in rows_of(out)] == GOOD


@pytest.mark.parametrize("flags", [["--json"], []])
def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path, flags: list[str]) -> None:
    """N11: the scan is closed, which finishes what is in flight and leaves the store consistent; the output too."""
    log, out = tmp_path / "log", tmp_path / "o.jsonl"
    script = {"rows": [f"{number}.png" for number in range(5_000)]}
    with started(tmp_path, "--quiet", *flags, script=script, FAKE_LOG=str(log)) as one:
        assert one.stdout is not None and one.stderr is not None
        assert "0.png" in one.stdout.readline()
        one.stdout.close()
        assert one.stderr.read() == ""
        assert one.wait(30) == 1
    assert log.read_text().splitlines()[-1] == '"closed"'
    if flags:
        with started(tmp_path, "--quiet", *flags, "--out", str(out), script=script) as one:
            assert one.stdout is not None
            one.stdout.readline()
            one.stdout.close()
            one.wait(30)
        assert 0 < len(rows_of(out)) < 5_000


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_outputs_that_were_never_open(tmp_path: Path, closed: str) -> None:
    """N11: the rows are in the file, and the exit code says the rest."""
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, "scan", "x", "--out", "o.jsonl"]
    done = subprocess.run(
        command, capture_output=True, timeout=60, check=False, cwd=tmp_path, env=environment({"rows": KEYS})
    )
    assert done.returncode == 1, done.stderr
    assert b"Traceback" not in done.stdout + done.stderr
    assert len(rows_of(tmp_path / "o.jsonl")) == 3


def on_a_terminal(folder: Path, *arguments: str, script: dict[str, Any], **other: str) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    settings = environment(script, TERM="xterm", COLUMNS="300", **other)
    with subprocess.Popen([*COMMAND, *arguments], stdout=theirs, stderr=theirs, cwd=folder, env=settings) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break
            if not part:
                break
            shown += part
    os.close(ours)
    return process.returncode, shown.decode()


@pytest.mark.parametrize("has_rich", [True, False])
def test_progress_on_a_terminal(tmp_path: Path, has_rich: bool) -> None:
    if has_rich:
        pytest.importorskip("rich")
    else:
        (tmp_path / "rich.py").write_text("raise ImportError")
    paths = {} if has_rich else {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    code, shown = on_a_terminal(tmp_path, "scan", "x", "--out", "o.jsonl", script={"rows": KEYS}, **paths)
    assert code == 1
    assert "3/3 (100.0%)" in shown and "errors 1" in shown
    assert ("\x1b[?25l" in shown) == has_rich
    if has_rich:
        assert "\x1b[?25h" in shown, "the cursor is back"
    code, shown = on_a_terminal(tmp_path, "scan", "x", "--store", "s", script={"rows": KEYS}, **paths)
    assert "3/3" not in shown, "rows that are seen are the progress"


def test_a_full_disk_ends_it_and_says_so(tmp_path: Path) -> None:
    """Here a limit of the file's size; what was written is whole, and the same command goes on."""
    code = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, -1)); import fake_scan; sys.exit(fake_scan.main())"
    rows = [f"{number}.png" for number in range(20)]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "scan", "x", "--out", "o.jsonl", "--quiet"],
        capture_output=True, timeout=60, check=False, cwd=tmp_path, env=environment({"rows": rows}), text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("aigclens: ") and done.stderr.count("\n") == 1
    assert "the same command goes on where this one ended, once that is mended" in done.stderr
    assert 0 < len(rows_of(tmp_path / "o.jsonl")) < 20
    assert run(tmp_path, "scan", "x", "--out", "o.jsonl", script={"rows": rows, "cached": True}).returncode == 0
    assert [row["key"] for row in rows_of(tmp_path / "o.jsonl")] == rows


def test_an_estimate_asks_nothing(tmp_path: Path) -> None:
    """M04: a dry run counts and reckons, to the last digit and with the day of the price; no scan is begun."""
    log = tmp_path / "log"
    for command in (["estimate", "x"], ["scan", "x", "--dry-run"], ["scan", "x", "--dry-run", "--out", "o.csv"]):
        done = run(tmp_path, *command, "--qps", "10", FAKE_LOG=str(log))
        assert (done.returncode, done.stderr) == (0, "")
        assert "4,996" in done.stdout
        assert "2.9976 USD (price of 2025-11-24)" in done.stdout
        assert "8:19 at 10 calls a second" in done.stdout
        done = run(tmp_path, *command, "--json", FAKE_LOG=str(log))
        found = json.loads(done.stdout)
        assert (found["items"], found["calls"], found["usd"], found["qps"]) == (10_000, 4_996, "2.9976", 95.0)
        assert (found["refused"], found["duplicates"], found["cached"], found["skipped"]) == (4, 4_000, 1_000, 7)
        assert found["seconds"] == pytest.approx(52.589, abs=0.001)
    assert not log.exists()
    assert [one.name for one in tmp_path.iterdir()] == []
    done = run(tmp_path, "estimate", "nowhere")
    assert (done.returncode, done.stderr) == (2, "aigclens: ConfigError: there is no 'nowhere'\n")


def test_store_commands(tmp_path: Path) -> None:
    """N02, N03, N05: tables do not steer a terminal, exported cells are no formulas, nothing is overwritten."""
    (tmp_path / "s").touch()
    done = run(tmp_path, "store", "info", "s")
    assert done.returncode == 0
    assert "12,345" in done.stdout and "spent.billed_usd" in done.stdout
    assert not any(steering in done.stdout for steering in STEERING)
    assert json.loads(run(tmp_path, "store", "info", "s", "--json").stdout)["contents"] == 12_345
    done = run(tmp_path, "store", "export", "s", "--out", "o.csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "aigclens: 2 rows in o.csv\n")
    assert "\r\n'=b.png," in (tmp_path / "o.csv").read_bytes().decode()
    again = run(tmp_path, "store", "export", "s", "--out", "o.csv", "--no-guard")
    assert (again.returncode, "--force" in again.stderr) == (4, True)
    again = run(tmp_path, "store", "export", "s", "--out", "o.csv", "--no-guard", "--force", "--json")
    assert json.loads(again.stdout) == {"rows": 2, "out": "o.csv"}
    assert "\r\n=b.png," in (tmp_path / "o.csv").read_bytes().decode()
    assert run(tmp_path, "store", "unresolved", "s").stderr == "aigclens: nothing is unresolved\n"
    open_ones = [{"key": "a\x1b[2J", "since": None, "usd": "0.0006"}]
    done = run(tmp_path, "store", "unresolved", "s", FAKE_UNRESOLVED=json.dumps(open_ones))
    assert "a\\x1b[2J" in done.stdout and "\x1b" not in done.stdout
    done = run(tmp_path, "store", "unresolved", "s", "--json", FAKE_UNRESOLVED=json.dumps(open_ones))
    assert [json.loads(line) for line in done.stdout.splitlines()] == open_ones
    assert run(tmp_path, "store", "verify", "s").returncode == 0
    done = run(tmp_path, "store", "verify", "s", FAKE_PROBLEMS='["page 7 is torn\\u001b"]')
    assert (done.returncode, done.stdout) == (1, "page 7 is torn\\x1b\n")
    done = run(tmp_path, "store", "verify", "s", "--json", FAKE_PROBLEMS='["page 7"]')
    assert (done.returncode, json.loads(done.stdout)) == (1, {"sound": False, "problems": ["page 7"]})
    for command in ("info", "verify", "unresolved"):
        done = run(tmp_path, "store", command, "nowhere")
        assert (done.returncode, done.stdout, done.stderr) == (4, "", "aigclens: StoreDamaged: nowhere is no store\n")
