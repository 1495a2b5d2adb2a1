"""The arguments that `scan` and `estimate` share, and what they come to."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any, get_args

from aigclens.cli import STOPPED, USAGE
from aigclens.errors import ConfigError
from aigclens.models import EvidenceSource

if TYPE_CHECKING:
    from aigclens.client import Client

__all__ = [
    "add_client",
    "add_inputs",
    "add_precheck",
    "budget",
    "client_of",
    "distinct",
    "input_options",
    "precheck_options",
    "refused",
]


def add_inputs(parser: argparse.ArgumentParser, store: str) -> None:
    """What is scanned, and what the store is for."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a folder, a list (.txt, .csv, .tsv, .jsonl, .parquet; - for lines of the standard input), an archive "
        "(.tar, .zip; {000..999}.tar), a pattern, an image or a URL",
    )
    parser.add_argument("--store", metavar="FILE", help=store)
    parser.add_argument(
        "--retry",
        choices=["none", "unresolved", "errors"],
        default="unresolved",
        help="what earlier runs left that is asked again (default: what has no answer yet, `unresolved`)",
    )
    group = parser.add_argument_group("lists and folders")
    group.add_argument("--url-column", metavar="NAME", help="the column of a list that has URLs")
    group.add_argument("--path-column", metavar="NAME", help="the one that has paths")
    group.add_argument("--binary-column", metavar="NAME", help="the one that has images' bytes (Parquet)")
    group.add_argument("--key-column", metavar="NAME", help="the one that names the items (default: path or URL)")
    group.add_argument(
        "--carry", action="append", metavar="COLUMNS", help="further columns to keep, with commas between; * for all"
    )
    group.add_argument("--root", metavar="DIR", help="the folder that a list's relative paths begin at")
    group.add_argument("--glob", action="append", metavar="PATTERN", help="the files of a folder to take")
    group.add_argument("--exclude", action="append", metavar="PATTERN", help="the files of a folder to leave out")
    group.add_argument("--follow-symlinks", action="store_true", help="go into folders behind links")


def add_client(parser: argparse.ArgumentParser) -> None:
    """How it is asked."""
    group = parser.add_argument_group("the service")
    group.add_argument("--service", default="aigcDetector_global", help="the service to ask (default: %(default)s)")
    group.add_argument("--region", help="region id, for example us-east-1 (default: ap-southeast-1)")
    group.add_argument("--endpoint", help="host or URL instead of the region's own (default: $AIGCLENS_ENDPOINT)")
    group.add_argument("--vpc", action="store_true", help="use the region's VPC endpoint")
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="for each request (default: 15)")
    group.add_argument("--qps", type=float, metavar="N", help="calls a second (default: 95)")
    group.add_argument("--pace", type=_pace, help="who shares the calls a second: process, host (default) ...")
    group.add_argument(
        "--i-have-a-higher-quota", action="store_true", help="allow more than the 100 calls a second of an account"
    )
    group.add_argument(
        "--check-image",
        choices=["error", "warn", "off"],
        default="error",
        help="what to do with an image that the service's page does not allow (default: error)",
    )
    group.add_argument("--encode-url", action="store_true", help="percent-encode what is not ASCII in a URL")
    add_precheck(group)


def add_precheck(parser: argparse._ActionsContainer) -> None:
    """What is done about declarations."""
    parser.add_argument(
        "--precheck",
        choices=["report", "off", "skip_declared"],
        default="report",
        help="what a local image declares about itself is read and reported, not read, or enough: skip_declared makes "
        "no call about an image that declares itself AI-generated (default: report)",
    )
    parser.add_argument(
        "--skip-sources",
        action="append",
        type=_sources,
        metavar="SOURCES",
        help="whose declarations are enough, with commas between: c2pa, iptc, aigc_label, generator_text, exif "
        "(default: all)",
    )


def _sources(text: str) -> list[str]:
    """Sources of declarations, checked while there is somebody to tell."""
    names = [name.strip() for name in text.split(",")]
    known = get_args(EvidenceSource)
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
    return names


def precheck_options(options: argparse.Namespace) -> dict[str, Any]:
    """The same as options of a client.

    Raises:
        ConfigError: Sources are named, and no call is to be saved.
    """
    named = options.skip_sources
    if named is not None and options.precheck != "skip_declared":
        raise ConfigError(f"--skip-sources is for --precheck skip_declared, and it is {options.precheck}")
    return {
        "precheck": options.precheck,
        "skip_sources": None if named is None else [one for part in named for one in part],
    }


def distinct(**places: str | None) -> None:
    """Refuses to write over what is read, or to write two things to one place; `--force` does not mean that.

    Raises:
        ConfigError: Two of the places are the same file.
    """
    seen: dict[str, str] = {}
    for what, place in places.items():
        if place is None:
            continue
        name = f"--{what}" if what in ("out", "summary", "store") else f"the {what.rstrip('0123456789')}"
        other = seen.setdefault(os.path.realpath(place), name)
        if other != name:
            raise ConfigError(f"{other} and {name} are the same file, {place}; name another file")


def refused(error: BaseException) -> int:
    """The exit code of a command that could not begin: what it was told is wrong, or what it needs is."""
    return USAGE if isinstance(error, ConfigError) else STOPPED


def budget(text: str) -> str | int:
    """A budget, checked while there is somebody to tell. A bare number is one of calls, as it is in Python."""
    from aigclens.scanning.budget import parse

    plain = text.strip().replace("_", "")
    given = int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 20 else text
    try:
        parse(given)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return given


def _pace(text: str) -> str:
    if "@" in text:
        # Every user of a machine sees its command lines (N12).
        raise argparse.ArgumentTypeError("a URL with a password does not belong on a command line; scan from Python")
    return text


def client_of(options: argparse.Namespace) -> Client:
    """The client that was asked for."""
    from aigclens.client import Client

    chosen: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("timeout", "qps", "pace")
        # What was not said is as the client has it.
        if getattr(options, name) is not None
    }
    return Client(
        region=options.region,
        endpoint=options.endpoint,
        vpc=options.vpc,
        service=options.service,
        check_image=options.check_image,
        encode_url=options.encode_url,
        i_have_a_higher_quota=options.i_have_a_higher_quota,
        **precheck_options(options),
        **chosen,
    )


def input_options(options: argparse.Namespace) -> dict[str, Any]:
    """What was said about the input; nothing of what was not."""
    found: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("url_column", "path_column", "binary_column", "key_column", "root", "glob", "exclude")
        if getattr(options, name) is not None
    }
    if options.carry:
        names = [name for part in options.carry for name in part.split(",")]
        found["carry"] = "*" if names == ["*"] else names
    if options.follow_symlinks:
        found["follow_symlinks"] = True
    return found
