"""The command: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aigclens.testing import Emulator

COMMAND = [sys.executable, "-W", "error", "-m", "aigclens"]


def run(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture
def declared(tmp_path: Path, declared_png: bytes) -> str:
    path = tmp_path / "declared.png"
    path.write_bytes(declared_png)
    return str(path)


@pytest.fixture
def plain(tmp_path: Path, png: bytes) -> str:
    path = tmp_path / "pla\x1b[31min\n.png"
    path.write_bytes(png)
    return str(path)


@pytest.mark.usefixtures("aigclens_emulator")
def test_detect_prints_a_table(declared: str, plain: str) -> None:
    done = run("detect", declared, plain)
    assert (done.returncode, done.stderr) == (0, b"")
    heading, _, first, second, note = done.stdout.decode().splitlines()
    assert heading.split() == ["source", "ai", "label", "confidence", "risk", "engine", "billing"]
    assert first.split()[1:] == ["yes", "aigc", "90.00", "high", "emulator", "billed"]
    assert second.split()[1:] == ["no", "nonLabel", "-", "none", "emulator", "billed"]
    assert note.startswith(f"{declared}: declares generated: ") and note.endswith(" [generator_text, strong]")
    assert "\x1b" not in done.stdout.decode(), "a name must not steer the terminal (I19)"


@pytest.mark.usefixtures("aigclens_emulator")
def test_detect_prints_json_and_goes_on_after_a_failure(declared: str) -> None:
    done = run("detect", "--json", "nowhere.png", declared)
    assert done.returncode == 1
    failed, found = map(json.loads, done.stdout.splitlines())
    assert (failed["ok"], failed["error"], failed["billing"]) == (False, "ImageFileNotFound", "not_billed")
    assert (found["ok"], found["source"], found["is_aigc"], found["confidence"]) == (True, declared, True, 90.0)
    assert found["attempts"][-1]["operation"] == "ImageModeration"
    assert done.stderr.decode().count("\n") == 1
    assert b"Traceback" not in done.stderr


def test_detect_reads_stdin_and_takes_an_endpoint(emulator: Emulator, declared_png: bytes) -> None:
    environment = {name: value for name, value in emulator.environment().items() if name.startswith("ALIBABA")}
    done = run("detect", "--json", "--endpoint", f"127.0.0.1:{emulator.port}", "-", stdin=declared_png, **environment)
    assert (done.returncode, json.loads(done.stdout)["label"]) == (0, "aigc")


def test_what_is_wrong_with_the_account_stops_it(aigclens_emulator: Emulator, declared: str) -> None:
    aigclens_emulator.settings(account_ready=False)
    done = run("detect", declared, declared)
    assert (done.returncode, done.stdout) == (4, b"")
    assert done.stderr.count(b"AccountNotReady") == 1
    done = run("detect", declared, ALIBABA_CLOUD_ACCESS_KEY_ID="", ALIBABA_CLOUD_ACCESS_KEY_SECRET="")
    assert done.returncode == 4
    assert b"aigclens demo" in done.stderr
    for wrong in (["--region", "mars-1"], ["--endpoint", "http://cloud.example"], ["--timeout", "-1"]):
        done = run("detect", *wrong, declared)
        assert (done.returncode, done.stderr.count(b"\n")) == (4, 1)


def test_usage() -> None:
    for wrong in ([], ["detect"], ["fly"], ["detect", "--loud", "x"]):
        assert run(*wrong).returncode == 2
    for right in (["--help"], ["detect", "--help"], ["emulator", "--help"], ["demo", "--help"], ["--version"]):
        assert run(*right).returncode == 0
    assert b"exit codes" in run("--help").stdout


@pytest.mark.usefixtures("aigclens_emulator")
def test_a_reader_that_goes_away_is_no_event(declared: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, "detect", "--json", declared], stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_emulator_says_where_it_is_and_stops_cleanly(number: signal.Signals, declared: str) -> None:
    with subprocess.Popen(
        [*COMMAND, "emulator", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = json.loads(process.stdout.readline())
        assert set(ready) == {"url", "access_key_id", "access_key_secret"}
        environment = {
            "AIGCLENS_ENDPOINT": ready["url"],
            "ALIBABA_CLOUD_ACCESS_KEY_ID": ready["access_key_id"],
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ready["access_key_secret"],
        }
        assert run("detect", declared, **environment).returncode == 0
        port = ready["url"].rpartition(":")[2]
        taken = run("emulator", "--port", port)
        assert (taken.returncode, taken.stdout) == (4, b"")
        process.send_signal(number)
        assert process.wait(10) == 0
        assert (process.stdout.read(), process.stderr.read()) == (b"", b"")


def test_ctrl_c_ends_detect_with_130_and_loses_no_answer(tmp_path: Path) -> None:
    """H10: what was paid for before is shown, and what may have been charged is said."""
    from servers import Answer, Recorded, RecordingServer

    given_up = threading.Event()

    def answer(request: Recorded) -> Answer | None:
        if b"a.png" in request.body:
            return Answer()
        given_up.wait(30)
        return None

    server = RecordingServer(answer)
    with server:
        environment = {
            **os.environ,
            "AIGCLENS_ENDPOINT": server.url,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "i",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s",
        }
        command = [*COMMAND, "detect", "https://img.example/a.png", "https://img.example/b.png"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
            while len(server.requests) < 2:
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            shown, told = process.communicate(timeout=10)
        given_up.set()
    assert process.returncode == 130
    assert b"a.png" in shown and b"billed" in shown and b"b.png" not in shown
    lines = told.decode().splitlines()
    assert lines == [
        "aigclens: https://img.example/b.png: interrupted; if it was sent, it may have been charged",
        "aigclens: interrupted",
    ]


def test_the_demo() -> None:
    done = run("demo")
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    rows = [line.split() for line in lines if " sync " in line or " async " in line]
    assert len(rows) == 48
    assert {row[5] for row in rows} == {"emulator"}
    assert {Path(row[0]).suffix for row in rows} == {".png", ".jpg", ".webp"}
    assert {(row[1], row[2]) for row in rows} == {
        (by, door) for by in ("path", "bytes", "url") for door in ("sync", "async")
    }
    assert "48 of 48" in lines[-1]
    assert "0.0288 USD" in lines[-1]


def test_the_table_is_pretty_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    from aigclens.cli import output

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    output.table(("a", "b"), [("[red]x", "1")])
    shown = capsys.readouterr().out
    assert "[red]x" in shown, "a file's name is no markup"
    assert "┃" in shown or "│" in shown
