"""The package's own emulator in a process of its own, and our client against it.

Run as a program it serves until its standard input ends, and says for each line how many calls its ledger has.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stage import HERE, RunFailed, Server, environment

CLIENTS = {
    "aigclens sync": 1,
    "aigclens async": 64,
    "aigclens detect_many": 64,
    "aigclens scan, store": 64,
}


@contextlib.contextmanager
def running(qps: int) -> Iterator[subprocess.Popen[str]]:
    """The emulator; `said` is where it is and with which key."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "emulator.py"), str(qps)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


def line(process: subprocess.Popen[str]) -> Any:
    """The next line that it says."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def ask(command: list[str], said: dict[str, str]) -> Any:
    """One worker against it."""
    key = {"BENCH_KEY_ID": said["access_key_id"], "BENCH_SECRET": said["access_key_secret"]}
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment() | key,
    )
    out, trouble = process.communicate("go\n", timeout=180)
    if process.returncode != 0:
        raise RunFailed((trouble.strip().splitlines() or ["nothing was said"])[-1])
    return json.loads(out.splitlines()[-1])


def measure(server: Server, seconds: float) -> dict[str, Any]:
    """One round: CPU of each way to call, against an emulator without a limit."""
    found = {}
    with running(0) as process:
        said = line(process)
        for client, at_once in CLIENTS.items():
            given = server.specification(client, secure=False, at_once=at_once, seconds=seconds) | {"url": said["url"]}
            found[client] = ask(server.command(given), said)
    return found


def pace(seconds: float) -> dict[str, float]:
    """A default client against the emulator's real window: calls a second, and how many were throttled."""
    with running(100) as process:
        said = line(process)
        found = ask([sys.executable, str(HERE / "pacing.py"), said["url"], str(seconds)], said)
        assert process.stdin is not None
        process.stdin.write("ledger\n")
        process.stdin.flush()
        return found | line(process)  # type: ignore[no-any-return]


def serve() -> None:
    """Until standard input ends."""
    from aigclens.testing import Emulator

    # A key of its own: a pace is shared by all of a machine who have the same one.
    with Emulator(qps=int(sys.argv[1]), access_key_id=f"bench-{secrets.token_hex(6)}") as emulator:
        emulator.answer(label="aigc", confidence=81.88)
        said = {"url": emulator.url, "access_key_id": emulator.access_key_id}
        print(json.dumps(said | {"access_key_secret": emulator.access_key_secret}), flush=True)
        for _ in sys.stdin:
            print(json.dumps({"billed": emulator.ledger().billed}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(os.path.abspath(__file__)).parent))
    serve()
