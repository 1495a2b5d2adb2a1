"""The command `aigclens`.

Exit codes: 0 all images answered, 1 some image failed, 2 wrong usage, 3 stopped by the budget, 4 stopped by account,
credentials, configuration, store or a pause, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

OK = 0
SOME_FAILED = 1
USAGE = 2
OUT_OF_BUDGET = 3
STOPPED = 4
INTERRUPTED = 130

_EPILOG = (
    "exit codes: 0 all answered, 1 some failed, 2 wrong usage, 3 stopped by the budget, 4 stopped by account, "
    "credentials, configuration, store or a pause, 130 interrupted, 143 terminated"
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        from aigclens.cli import output

        super().error(output.shown(message))


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from aigclens import __version__

        print(f"aigclens {__version__}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    from aigclens.cli import demo, detect, emulator, estimate, inspect, scan, store

    parser = _Parser(
        prog="aigclens",
        description="Detect AI-generated images with Alibaba Cloud Image Moderation 2.0.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    detect.add(commands.add_parser("detect", help="ask about images", epilog=_EPILOG, description=detect.__doc__))
    scan.add(commands.add_parser("scan", help="ask about many images", epilog=_EPILOG, description=scan.__doc__))
    estimate.add(commands.add_parser("estimate", help="reckon what a scan costs", description=estimate.__doc__))
    inspect.add(commands.add_parser("inspect", help="read what images declare, for free", description=inspect.__doc__))
    store.add(commands.add_parser("store", help="look into what scans have kept", description=store.__doc__))
    emulator.add(commands.add_parser("emulator", help="run the service on loopback", description=emulator.__doc__))
    demo.add(commands.add_parser("demo", help="see it work, without an account", description=demo.__doc__))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and gives its exit code."""
    from aigclens.cli import output

    output.prepare()
    try:
        options = _options(arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        code = run(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        output.say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        output.abandon()
        return SOME_FAILED


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    try:
        return _parser().parse_args(arguments)
    except SystemExit:
        # What --help has printed, while somebody can still be told that nobody reads it.
        sys.stdout.flush()
        raise
