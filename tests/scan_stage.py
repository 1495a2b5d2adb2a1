"""What tests of scans share: pictures, programs of their own process, and a look at a store from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import images
from aigclens.testing import Emulator

# Nothing here takes this long unless it hangs.
HANG = 60.0
# How long a call takes that is to be in flight for a while, seconds.
SLOW = 1.0

_LOOK = """
import json, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=30)
found = dict(connection.execute("SELECT state, count(*) FROM attempt GROUP BY state"))
found["answered"] = connection.execute("SELECT count(*) FROM content WHERE state = 'answered'").fetchone()[0]
print(json.dumps(found))
"""


def pictures(count: int, first: int = 0) -> list[bytes]:
    """So many images, no two alike (up to 256)."""
    return [images.png(64, 64, seed=first + number) for number in range(count)]


def folder(place: Path, count: int, first: int = 0) -> Path:
    """A folder of them."""
    place.mkdir(exist_ok=True)
    for number, data in enumerate(pictures(count, first)):
        (place / f"{first + number:03}.png").write_bytes(data)
    return place


def asked(emulator: Emulator) -> int:
    """Paid calls that arrived, charged or not."""
    return sum(one["action"] == "ImageModeration" for one in emulator.requests())


def charged(emulator: Emulator) -> int:
    """Calls that were charged."""
    return emulator.ledger().billed


def slow(emulator: Emulator, seconds: float = SLOW) -> None:
    """Every paid call takes its time after it was charged."""
    emulator.fault(stage="after_billing", action="delay", seconds=seconds, operation="ImageModeration")


def until(is_so: Callable[[], bool], what: str = "it") -> None:
    """Waits for something that happens elsewhere."""
    end = time.monotonic() + HANG
    while not is_so():
        assert time.monotonic() < end, f"{what} never happened"
        time.sleep(0.005)


def look(store: Path) -> dict[str, int]:
    """Attempts by state, and contents that are answered, as another process sees the store."""
    done = subprocess.run([sys.executable, "-c", _LOOK, str(store)], capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout)
    return found


def start(emulator: Emulator, text: str, *arguments: object) -> subprocess.Popen[str]:
    """A program of its own, whose clients ask the emulator. `pictures` and `client` are there for it."""
    head = f"""
        import sys, os, asyncio, signal, threading, time
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import aigclens
        from scan_stage import pictures
        from aigclens import AsyncClient, Client
    """
    whole = textwrap.dedent(head) + textwrap.dedent(text)
    command = [sys.executable, "-W", "error", "-c", whole, *map(str, arguments)]
    environment: dict[str, Any] = {**os.environ, **emulator.environment()}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)


def end(program: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Its exit status, output and errors; killed where it hangs."""
    try:
        out, err = program.communicate(timeout=HANG)
    except subprocess.TimeoutExpired:
        program.kill()
        out, err = program.communicate()
        raise AssertionError(f"it hangs: {out} {err}") from None
    return program.returncode, out, err
