"""Look into a store: what it has, its rows as a file, what was left undecided, whether it is sound."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aigclens.cli import OK, SOME_FAILED, STOPPED, choices, engine, output

# Facts that a store has in millionths of a dollar.
_MICRO = ("billed", "possibly_billed", "price")


def add(parser: argparse.ArgumentParser) -> None:
    """The commands of `aigclens store`."""
    commands = parser.add_subparsers(dest="store_command", required=True, metavar="COMMAND")
    _command(commands, "info", _info, "what the store has, and what it cost")
    export = _command(commands, "export", _export, "write its rows to a file, as they are at one moment")
    export.add_argument("--out", required=True, metavar="FILE", help="the file: .jsonl, .csv, .parquet or .html")
    export.add_argument(
        "--format", choices=["jsonl", "csv", "parquet", "html"], help="what it is, where its name does not say"
    )
    export.add_argument("--force", action="store_true", help="replace a file that is there")
    export.add_argument("--no-guard", action="store_true", help="CSV: leave cells as they are that look like formulas")
    _command(commands, "unresolved", _unresolved, "calls whose outcome nobody knows, and that may have been charged")
    _command(commands, "verify", _verify, "check that the store is sound; exit code 1 where it is not")


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], int], what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    parser.add_argument("file", metavar="FILE", help="the store")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    parser.set_defaults(run=lambda options: _safely(run, options))
    return parser


def _safely(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    from aigclens.errors import AigcError

    try:
        return run(options)
    except BrokenPipeError:
        raise
    except AigcError as error:
        output.say(f"{type(error).__name__}: {error}")
    except OSError as error:
        output.say(f"{error.filename or options.file}: {error.strerror or error}")
    return STOPPED


def _info(options: argparse.Namespace) -> int:
    with engine.open_store(options.file) as store:
        facts = _plain(store.info())
    if options.json:
        _print(facts)
    else:
        output.table(("store", ""), list(_flat(facts)))
    return OK


def _export(options: argparse.Namespace) -> int:
    from aigclens.report import write

    choices.distinct(out=options.out, store=options.file)
    with engine.open_store(options.file) as store:
        count = write(store.rows(), options.out, options.format, force=options.force, guard=not options.no_guard)
    if options.json:
        _print({"rows": count, "out": options.out})
    else:
        output.say(f"{count:,} rows in {options.out}")
    return OK


def _unresolved(options: argparse.Namespace) -> int:
    with engine.open_store(options.file) as store:
        found = [_plain(one) for one in store.unresolved()]
    if options.json:
        for one in found:
            _print(one)
    elif found:
        names = list(found[0])
        output.table(names, [[_text(one.get(name)) for name in names] for one in found])
    else:
        output.say("nothing is unresolved")
    return OK


def _verify(options: argparse.Namespace) -> int:
    with engine.open_store(options.file) as store:
        problems = [str(problem) for problem in store.verify()]
    if options.json:
        _print({"sound": not problems, "problems": problems})
    else:
        for problem in problems:
            print(output.shown(problem))
        if not problems:
            output.say("the store is sound")
    return SOME_FAILED if problems else OK


def _plain(found: Any) -> dict[str, Any]:
    """Facts as plain texts and numbers: times as ISO 8601, money as exact texts of dollars."""
    facts: dict[str, Any] = dataclasses.asdict(found) if dataclasses.is_dataclass(found) else dict(found)  # type: ignore[arg-type]
    return dict(map(_fact, facts, facts.values()))


def _fact(name: str, value: Any) -> tuple[str, Any]:
    if name in _MICRO and isinstance(value, int):
        from aigclens.scanning.budget import dollars

        return f"{name}_usd", f"{dollars(value):f}"
    if isinstance(value, datetime):
        return name, value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return name, _plain(value)
    if isinstance(value, list | tuple):
        return name, [_plain(one) if isinstance(one, dict) else one for one in value]
    return name, value


def _flat(facts: dict[str, Any], before: str = "") -> Any:
    for name, value in facts.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", _text(value)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        # Each of them is in the JSON.
        return f"{len(value):,}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _print(facts: dict[str, Any]) -> None:
    from aigclens.report.jsonl import text

    print(text(facts), flush=True)
