"""Read what images declare about their own making: free of charge, without an account or a network.

A declaration can be false, and its absence means nothing. Watermarks in the pixels cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from aigclens.cli import OK, SOME_FAILED, STOPPED, output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aigclens.models import Evidence
    from aigclens.provenance import Provenance


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `aigclens inspect`."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="an image, a folder of images (with those below it), or - for stdin"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, with every field")
    parser.add_argument(
        "--deep", action="store_true", help="also decode PNG pixels, for parameters hidden in their last bits"
    )
    parser.add_argument(
        "--verify", action="store_true", help="also verify C2PA manifests (needs: pip install 'aigclens[c2pa]')"
    )
    parser.add_argument(
        "--trust", metavar="FILE", help="with --verify: PEM file of the authorities whose signers are trusted"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Inspects one file after the other."""
    from aigclens.errors import AigcError, ConfigError
    from aigclens.provenance import inspect

    code = OK
    for name, source in _files(options.files):
        try:
            if isinstance(source, Exception):
                raise source
            found = inspect(source, deep=options.deep, verify=options.verify, trust=options.trust)
        except ConfigError as error:
            output.say(str(error))
            return STOPPED
        except AigcError as error:
            code = SOME_FAILED
            if options.json:
                facts = {"error": type(error).__name__, "message": str(error)}
                print(json.dumps({"source": name, "ok": False, **facts}), flush=True)
            output.say(f"{name}: {type(error).__name__}: {error}")
            continue
        if options.json:
            print(json.dumps({**found.to_dict(), "source": name, "ok": True}), flush=True)
        else:
            _print(name, found)
    return code


def _files(names: list[str]) -> Iterator[tuple[str, Any]]:
    """Names and sources; a folder's images come in the order of their names."""
    from pathlib import Path

    from aigclens.scanning import inputs

    for name in names:
        if name == "-":
            yield "-", sys.stdin.buffer.read()
        elif Path(name).is_dir():
            for item in inputs.items(name):
                yield item.shown, item.source
        else:
            yield name, name


def _print(name: str, found: Provenance) -> None:
    summary = found.declares or ("nothing" if not found.evidence else "nothing, but names a tool")
    kind = found.format or "no image that is known here"
    print(output.shown(f"{name}: {kind}, declares {summary}"))
    for one in found.evidence:
        print(output.shown(f"  {one.kind}: {one.detail} [{one.source}, {one.strength}{_held(one)}] at {one.place}"))
    if found.remote_manifest is not None:
        print(output.shown(f"  a C2PA manifest is kept elsewhere, and was not fetched: {found.remote_manifest}"))
    for word in found.warnings:
        print(output.shown(f"  warning: {word}"))


def _held(one: Evidence) -> str:
    if one.verified_reason is None:
        return ""
    word = {True: "verified", False: "does NOT verify", None: "not verified"}[one.verified]
    return f", {word}: {one.verified_reason}"
