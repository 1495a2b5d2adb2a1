"""The command `aigclens`.

Exit codes: 0 all images answered, 1 some image failed, 2 wrong usage, 4 stopped by configuration, credentials or
account, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

OK = 0
SOME_FAILED = 1
USAGE = 2
STOPPED = 4
INTERRUPTED = 130

_EPILOG = (
    "exit codes: 0 all answered, 1 some failed, 2 wrong usage, 4 stopped by configuration, credentials or account, "
    "130 interrupted"
)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from aigclens import __version__

        parser.exit(0, f"aigclens {__version__}\n")


def _parser() -> argparse.ArgumentParser:
    from aigclens.cli import demo, detect, emulator

    parser = argparse.ArgumentParser(
        prog="aigclens",
        description="Detect AI-generated images with Alibaba Cloud Image Moderation 2.0.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    detect.add(commands.add_parser("detect", help="ask about images", epilog=_EPILOG, description=detect.__doc__))
    emulator.add(commands.add_parser("emulator", help="run the service on loopback", description=emulator.__doc__))
    demo.add(commands.add_parser("demo", help="see it work, without an account", description=demo.__doc__))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and gives its exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        code = run(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("aigclens: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has gone: nothing is left to be said, not even by the interpreter on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
