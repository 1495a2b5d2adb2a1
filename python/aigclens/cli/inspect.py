"""Read what images declare about their own making: free of charge, without an account or a network.

A declaration can be false, and its absence means nothing. Watermarks in the pixels cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from aigclens.cli import OK, SOME_FAILED, STOPPED, USAGE, output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aigclens.models import Evidence
    from aigclens.provenance import Manifest, Provenance

# Of a field's value this many characters are shown.
_LONGEST = 100
# What stands in `place` is not said again.
_IN_PLACE = ("manifest", "assertion")


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

    if options.trust is not None and not options.verify:
        output.say("--trust is for --verify: without it nothing is verified")
        return USAGE
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
            number = 0
            for number, item in enumerate(inputs.items(name), 1):  # noqa: B007
                yield item.shown, item.source
            if number == 0:
                output.say(f"{name}: no images in this folder")
        else:
            yield name, name


def _print(name: str, found: Provenance) -> None:
    summary = found.declares or ("nothing" if not found.evidence else "nothing, but names a tool")
    kind = found.format or "no image that is known here"
    print(output.shown(f"{name}: {kind}, declares {summary}"))
    for one in found.evidence:
        print(output.shown(f"  {one.kind}: {one.detail} [{one.source}, {one.strength}{_held(one)}] at {one.place}"))
        for field, value in one.fields.items():
            if field in _IN_PLACE:
                continue
            print(output.shown(f"    {field}: {_cut(value)}"))
    for manifest in found.manifests:
        print(output.shown(f"  C2PA manifest {_about(manifest)}"))
    if found.remote_manifest is not None:
        print(output.shown(f"  a C2PA manifest is kept elsewhere, and was not fetched: {found.remote_manifest}"))
    for word in found.warnings:
        print(output.shown(f"  warning: {word}"))


def _about(manifest: Manifest) -> str:
    """Who made it and what was done, in one line."""
    whose = "of the file itself" if manifest.is_active else "of what it was made from"
    done = ", ".join(action.action for action in manifest.actions) or "no actions"
    return _cut(f"{whose}, by {manifest.claim_generator or 'an unnamed program'}: {done}")


def _cut(text: str) -> str:
    """The beginning of a long text; `--json` has all that was kept of it."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _held(one: Evidence) -> str:
    if one.verified_reason is None:
        return ""
    word = {True: "verified", False: "does NOT verify", None: "not verified"}[one.verified]
    return f", {word}: {one.verified_reason}"
