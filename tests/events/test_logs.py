"""Events as records of the standard `logging`."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aigclens
from aigclens import events, logs
from aigclens.testing import Emulator

URL = "https://example.com/cat.png"


@pytest.fixture(autouse=True)
def _answers(emulator: Emulator) -> None:
    emulator.answer(url=URL, label="aigc")
    emulator.answer(data_id="slow", code=403)


def records(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(one.levelname, type(one.__dict__["event"]).__name__) for one in caplog.records if one.name == "aigclens"]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("ERROR", []),
        ("WARNING", [("WARNING", "Throttled")]),
        ("INFO", [("WARNING", "Throttled"), ("INFO", "AttemptRetried"), ("INFO", "Throttled")]),
    ],
)
def test_each_level_has_its_events(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, level: str, expected: list[tuple[str, str]]
) -> None:
    with caplog.at_level(level, "aigclens"), emulator.client(max_retries=1) as client:
        with pytest.raises(aigclens.ThrottledError):
            client.detect(URL, data_id="slow")
    assert records(caplog) == expected


def test_debug_has_every_attempt(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "aigclens"), emulator.client() as client:
        found = client.detect(URL, data_id="fine")
    assert records(caplog) == [("DEBUG", "AttemptStarted"), ("DEBUG", "AttemptFinished")]
    text = caplog.messages[1]
    for part in ("fine", "ImageModeration", "billed", str(found.request_id), "code 200"):
        assert part in text


def test_a_level_set_at_run_time_holds_from_the_next_call_on(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    with emulator.client() as client:
        client.detect(URL)
        assert records(caplog) == []
        caplog.set_level(logging.DEBUG, "aigclens")
        client.detect(URL)
        assert len(records(caplog)) == 2


def test_throttling_warns_once_a_minute(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """N10: a storm of refusals is no storm of warnings."""
    with caplog.at_level("WARNING", "aigclens"), emulator.client(max_retries=0) as client:
        for _ in range(20):
            with pytest.raises(aigclens.ThrottledError):
                client.detect(URL, data_id="slow")
    assert records(caplog) == [("WARNING", "Throttled")]


def test_a_handler_that_raises_does_a_call_no_harm(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """N10: at the finest level, and over many calls."""

    class Broken(logging.Handler):
        count = 0

        def emit(self, record: logging.LogRecord) -> None:
            Broken.count += 1
            raise RuntimeError("the disk of the log is full")

    handler = Broken()
    logs.logger.addHandler(handler)
    logs.logger.setLevel(1)
    try:
        with emulator.client(qps=None) as client:
            for _ in range(200):
                assert client.detect(URL).billing == "billed"
    finally:
        logs.logger.removeHandler(handler)
        logs.logger.setLevel(logging.NOTSET)
    assert Broken.count == 400
    assert "the disk of the log is full" in capsys.readouterr().err
    assert emulator.ledger().billed == 200


def test_the_environment_shows_a_log_without_a_line_of_code(emulator: Emulator) -> None:
    program = (
        "import aigclens, sys\n"
        "for _ in range(2):\n"
        "    client = aigclens.Client(endpoint=sys.argv[1])\n"
        "client.detect('https://example.com/cat.png')\n"
    )
    environment = {
        **os.environ,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": emulator.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": emulator.access_key_secret,
        "AIGCLENS_LOG": "debug",
    }
    command = [sys.executable, "-c", program, emulator.url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if " aigclens: " in line]
    assert len(lines) == 2, done.stderr
    assert "DEBUG" in lines[0]
    assert emulator.access_key_secret not in done.stderr
    quiet = {**environment, "AIGCLENS_LOG": "nonsense"}
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def _run(emulator: Emulator, program: str, *, folder: str = "") -> subprocess.CompletedProcess[str]:
    """A program of its own, that has `client`, with another folder before those of Python."""
    began = (
        f"import sys; sys.path[:0] = {[folder] if folder else []!r}\n"
        "import aigclens\n"
        "client = aigclens.Client(endpoint=sys.argv[1], max_retries=0)\n"
        f"def ask(**options): return client.detect({URL!r}, **options)\n"
        "def throttled():\n"
        "    try: ask(data_id='slow')\n"
        "    except aigclens.ThrottledError as error: print(error.billing)\n"
    )
    environment = {
        **os.environ,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": emulator.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": emulator.access_key_secret,
    }
    command = [sys.executable, "-c", began + program, emulator.url]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


def test_a_log_that_is_loaded_later_has_the_calls_from_then_on(emulator: Emulator) -> None:
    done = _run(
        emulator,
        "ask()\n"
        "assert 'logging' not in sys.modules and 'aigclens.logs' not in sys.modules\n"
        "import logging\n"
        "logging.basicConfig(level=logging.DEBUG, format='%(levelname)s %(name)s')\n"
        "ask()\n",
    )
    assert done.stderr.splitlines() == ["DEBUG aigclens"] * 2


def test_a_program_without_a_log_hears_warnings(emulator: Emulator) -> None:
    """What `logging` shows on standard error where nobody has set it up, once a minute as ever."""
    done = _run(emulator, "throttled()\nthrottled()\n")
    assert done.stdout.splitlines() == ["not_billed"] * 2
    [line] = done.stderr.splitlines()
    assert "throttled (code 403)" in line


def test_a_log_that_cannot_be_loaded_does_a_call_no_harm(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "logging.py").write_text("raise RuntimeError('a file of the program')\n")
    done = _run(emulator, "throttled()\nprint(ask().billing)\n", folder=str(tmp_path))
    assert done.stdout.splitlines() == ["not_billed", "billed"]
    assert done.stderr.splitlines() == [
        "aigclens: a warning cannot be logged: RuntimeError: a file of the program",
    ]


def test_the_description_of_an_unknown_event_is_still_one() -> None:
    assert logs.describe(events.Event(1, 0, None, 0.0)) == "call 1"
    assert logs.describe(events.Warned(1, 0, "id", 0.0, "look")) == "call 1 (id): look"
