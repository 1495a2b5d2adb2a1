"""Run the service on loopback. Prints one line of JSON when it is ready; stops on SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aigclens.cli import OK, STOPPED, output


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `aigclens emulator`."""
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 picks a free one (default)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--allow-non-loopback", action="store_true", help="let other machines reach it")
    parser.add_argument(
        "--qps", type=int, default=100, help="calls answered in any second, 0 for no limit (default: 100)"
    )
    parser.add_argument(
        "--judge",
        choices=["provenance", "hash"],
        default="provenance",
        help="what the verdict is drawn from: what images declare, or their hash (default: provenance)",
    )
    parser.add_argument("--faults", metavar="FILE", help="a plan of faults, JSON; '-' for standard input")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serves until it is told to stop."""
    from aigclens.errors import ConfigError
    from aigclens.testing import Emulator

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        emulator = Emulator(
            host=options.host,
            port=options.port,
            allow_non_loopback=options.allow_non_loopback,
            qps=options.qps,
            judge=options.judge,
        )
    except ConfigError as error:
        output.say(str(error))
        return STOPPED
    if options.host != "localhost" and not ip_address(options.host).is_loopback:
        output.say(
            f"warning: it listens on {options.host}, so that other machines can call it, read what it was asked and "
            "change what it answers"
        )
    with emulator:
        if options.faults is not None:
            try:
                emulator.faults(_plan(options.faults))
            except (OSError, ValueError, RecursionError) as error:
                output.say(f"--faults {options.faults}: {error}")
                return STOPPED
        ready = {
            "url": emulator.url,
            "access_key_id": emulator.access_key_id,
            "access_key_secret": emulator.access_key_secret,
        }
        print(json.dumps(ready), flush=True)
        stop.wait()
    return OK


def _plan(name: str) -> dict[str, Any]:
    text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    plan = json.loads(text)
    if not isinstance(plan, dict):
        raise ValueError("a plan is an object of a seed and rules")
    return plan
