"""What reaches a terminal, a pipe or a file: nothing that steers a terminal, nothing half, no traceback."""

from __future__ import annotations

import argparse
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aigclens import cli
from aigclens.testing import Emulator
from servers import Answer, RecordingServer

COMMAND = [sys.executable, "-W", "error", "-m", "aigclens"]
# Sets the window's title, rings, goes back to the line's start, reorders, and makes a link where a terminal can.
HOSTILE = "a\x1b]0;pwned\x07\x1b[2Jb\rc\u202egnp\u2066\u200f\x9b31m\x7f<img src=x onerror=alert(1)>"
# What must not arrive as it is. A terminal's own colours begin with \x1b[ and a digit, so that these are told apart.
STEERING = ("\x1b]", "\x07", "\x1b[2J", "\u202e", "\u2066", "\u200f", "\x9b", "\x7f", "\rc")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, timeout=60, check=False, env={**os.environ, **environment}
    )


def on_a_terminal(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and everything shown by a command whose output and errors are a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", **environment}
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # How a terminal says that nobody writes any more.
                break
            if not part:
                break
            shown += part
    os.close(ours)
    return process.returncode, shown.decode()


def is_calm(text: str) -> bool:
    return not any(steering in text for steering in STEERING)


@pytest.fixture
def hostile(tmp_path: Path, declared_png: bytes) -> str:
    path = tmp_path / HOSTILE.replace("/", "")
    path.write_bytes(declared_png)
    return str(path)


@pytest.fixture
def hostile_service() -> Iterator[dict[str, str]]:
    """A service whose every word is hostile; the environment of a client of it."""
    labels = [{"Label": f"aigc{HOSTILE}", "Confidence": 81.5, "Description": HOSTILE}]
    good = {"Code": 200, "Msg": HOSTILE, "RequestId": HOSTILE, "Data": {"Result": labels, "RiskLevel": HOSTILE}}
    bad = {"Code": 407, "Msg": HOSTILE, "RequestId": HOSTILE}
    with RecordingServer(lambda one: Answer(body=json.dumps(bad if b"bad" in one.body else good).encode())) as server:
        yield {
            "AIGCLENS_ENDPOINT": server.url,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
        }


GOOD, BAD = "https://img.example/good.png", "https://img.example/bad.png"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_what_the_service_says_does_not_steer_a_terminal(hostile_service: dict[str, str], is_terminal: bool) -> None:
    """N02: labels, risk levels and messages, in the table and in errors."""
    if is_terminal:
        code, shown = on_a_terminal("detect", GOOD, BAD, COLUMNS="400", **hostile_service)
    else:
        done = run("detect", GOOD, BAD, **hostile_service)
        code, shown = done.returncode, (done.stdout + done.stderr).decode()
    assert code == 1
    assert "aigca\\x1b]0;pwned\\x07" in shown, "the label, as what it is"
    assert "UnsupportedImageFormat" in shown
    assert is_calm(shown), repr(shown)


def test_what_the_service_says_is_whole_in_json(hostile_service: dict[str, str]) -> None:
    """N02: machines get every character, in JSON that is plain ASCII."""
    done = run("detect", "--json", GOOD, BAD, **hostile_service)
    assert done.stdout.isascii()
    assert b"\x1b" not in done.stdout
    found, failed = map(json.loads, done.stdout.splitlines())
    assert (found["label"], found["labels"][0]["description"]) == (f"aigc{HOSTILE}", HOSTILE)
    assert (failed["ok"], failed["error"]) == (False, "UnsupportedImageFormat")
    assert is_calm(failed["message"])


@pytest.mark.usefixtures("aigclens_emulator")
@pytest.mark.parametrize("is_terminal", [False, True])
def test_names_do_not_steer_a_terminal(hostile: str, is_terminal: bool) -> None:
    """N04: in the table, in errors, and in complaints about the command line."""
    missing = hostile + "x"
    wrong = "--" + HOSTILE.replace(" ", "_")
    for arguments, expected in ((["detect", hostile, missing], 1), (["detect", hostile, wrong], 2), ([HOSTILE], 2)):
        if is_terminal:
            code, shown = on_a_terminal(*arguments, COLUMNS="400")
        else:
            done = run(*arguments)
            code, shown = done.returncode, (done.stdout + done.stderr).decode()
        assert code == expected
        assert "pwned" in shown
        assert is_calm(shown), repr(shown)


@pytest.mark.usefixtures("aigclens_emulator")
def test_names_are_whole_in_json(hostile: str) -> None:
    """N04."""
    done = run("detect", "--json", hostile)
    assert done.stdout.isascii()
    assert json.loads(done.stdout)["source"] == hostile


@pytest.mark.usefixtures("aigclens_emulator")
def test_an_output_that_knows_few_characters_gets_all_of_them(tmp_path: Path, declared_png: bytes) -> None:
    """N11: a name that the output's encoding lacks is written with escapes, and no traceback comes."""
    path = tmp_path / "图😀.png"
    path.write_bytes(declared_png)
    done = run("detect", str(path), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u56fe\\U0001f600.png" in done.stdout


def through_a_pipe(*arguments: str, lines: int) -> tuple[int, bytes, bytes]:
    """Reads some lines of what a command prints and then goes away, as `head` does."""
    # What is printed waits in a buffer, as it does for users: the end of the program is when it breaks.
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        read = b"".join(process.stdout.readline() for _ in range(lines))
        process.stdout.close()
        told = process.stderr.read()
        return process.wait(60), read, told


def test_a_reader_that_goes_away_ends_it_quietly(aigclens_emulator: Emulator, hostile: str) -> None:
    """N11: after one line of many, after none of a table, and of a help text."""
    code, read, told = through_a_pipe("detect", "--json", *[hostile] * 200, lines=1)
    assert (code, json.loads(read)["ok"], told) == (1, True, b"")
    assert aigclens_emulator.ledger().billed < 200, "nothing more is asked and paid for"
    for arguments in (["detect", hostile], ["--help"], ["--version"], ["detect", "--help"]):
        code, _, told = through_a_pipe(*arguments, lines=0)
        # Whoever is quick enough has written everything into the pipe before it was closed.
        assert (code in (0, 1), told) == (True, b""), arguments


@pytest.mark.usefixtures("aigclens_emulator")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_outputs_that_were_never_open(hostile: str, closed: str) -> None:
    """N11: the exit code is what is left to tell with."""
    for sources, expected in (([hostile], 0), ([hostile, "nowhere.png"], 1)):
        for flags in ([], ["--json"]):
            command = ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, "detect", *flags, *sources]
            done = subprocess.run(command, capture_output=True, timeout=60, check=False)
            assert done.returncode == expected, (flags, done.stderr)
            assert b"Traceback" not in done.stdout + done.stderr


@pytest.mark.usefixtures("aigclens_emulator")
def test_without_a_terminal_or_colour_there_is_none(hostile: str) -> None:
    """N11: a file gets plain text; a terminal whose user wants no colour gets none."""
    assert b"\x1b" not in run("detect", hostile, FORCE_COLOR="").stdout
    code, shown = on_a_terminal("detect", hostile, COLUMNS="400", NO_COLOR="1")
    assert code == 0
    colours = [f"\x1b[{number}m" for number in (*range(30, 38), *range(90, 98))]
    assert not any(colour in shown for colour in colours)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)


def test_no_argument_takes_a_secret() -> None:
    """N12: what stands on a command line is seen by every user of the machine and kept by the shell."""
    actions = list(_actions(cli._parser()))
    names = {name for action in actions for name in (action.dest, *action.option_strings)}
    assert {"--endpoint", "sources", "--port"} <= names, "the whole tree was walked"
    # The name of a column of a list, which is no secret.
    for name in names - {"--key-column", "key_column"}:
        assert not any(word in name.lower() for word in ("secret", "key", "token", "password", "credential", "proxy"))
    # Nor does one of them take it along in a URL without a word.
    done = run("detect", "--endpoint", "https://me:hunter2@service.example", GOOD)
    assert (done.returncode, b"hunter2" in done.stdout + done.stderr) == (4, False)


def test_only_a_flag_opens_the_emulator_to_others() -> None:
    """N06: refused without it, and with it a warning on the standard error; loopback needs neither."""
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        done = run("emulator", "--host", host)
        assert (done.returncode, done.stdout) == (4, b"")
        assert b"allow_non_loopback" in done.stderr
    for arguments, is_warned in (
        (["--host", "0.0.0.0", "--allow-non-loopback"], True),
        (["--host", "127.0.0.1"], False),
    ):
        with subprocess.Popen(
            [*COMMAND, "emulator", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
            process.terminate()
            assert process.wait(30) == 0
            told = process.stderr.read()
        assert ("warning: it listens on 0.0.0.0" in told, told.count("\n")) == (is_warned, int(is_warned))
