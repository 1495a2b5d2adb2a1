"""Ask whether images are AI-generated. Each answered call costs 0.0006 USD."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from aigclens.cli import OK, SOME_FAILED, STOPPED, choices, output


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `aigclens detect`."""
    parser.add_argument(
        "sources", nargs="+", metavar="FILE_OR_URL", help="a path, an http(s) or oss:// URL, or - for stdin"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--region", help="region id, for example us-east-1 (default: ap-southeast-1)")
    parser.add_argument("--endpoint", help="host or URL instead of the region's own (default: $AIGCLENS_ENDPOINT)")
    parser.add_argument("--vpc", action="store_true", help="use the region's VPC endpoint")
    parser.add_argument("--service", default="aigcDetector_global", help="the service to ask (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=15.0, metavar="SECONDS", help="for each request (default: 15)")
    parser.add_argument(
        "--check-image",
        choices=["error", "warn", "off"],
        default="error",
        help="what to do with an image that the service's page does not allow (default: error)",
    )
    parser.add_argument("--encode-url", action="store_true", help="percent-encode what is not ASCII in a URL")
    choices.add_precheck(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Asks about one image after the other."""
    from aigclens.client import Client
    from aigclens.errors import ConfigError

    try:
        client = Client(
            region=options.region,
            endpoint=options.endpoint,
            vpc=options.vpc,
            service=options.service,
            timeout=options.timeout,
            check_image=options.check_image,
            encode_url=options.encode_url,
            **choices.precheck_options(options),
        )
    except ConfigError as error:
        output.say(str(error))
        return STOPPED
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    try:
        return _ask(client, options, rows, notes)
    finally:
        # Also where it is interrupted: what was paid for is shown.
        if rows:
            output.table(("source", "ai", "label", "confidence", "risk", "engine", "billing"), rows)
        for note in notes:
            print(output.shown(note))


def _ask(client: Any, options: argparse.Namespace, rows: list[tuple[str, ...]], notes: list[str]) -> int:
    from aigclens.errors import AigcError, AuthenticationError, ConfigError, CredentialsError, PermissionDenied

    code = OK
    with client:
        for source in options.sources:
            try:
                found = client.detect(sys.stdin.buffer.read() if source == "-" else source)
            except KeyboardInterrupt:
                output.say(f"{source}: interrupted; if it was sent, it may have been charged")
                raise
            except AigcError as error:
                code = SOME_FAILED
                _report(options, source, error)
                # What is wrong with the account or the client is wrong for every image.
                if isinstance(error, AuthenticationError | ConfigError | CredentialsError | PermissionDenied):
                    code = STOPPED
                    break
                continue
            if options.json:
                print(json.dumps({"source": source, "ok": True, **found.to_dict()}), flush=True)
            else:
                verdict = {True: "yes", False: "no", None: "?"}[found.is_aigc]
                rows.append(
                    (
                        source,
                        verdict,
                        found.label or "-",
                        output.number(found.confidence),
                        found.risk_level or "-",
                        found.engine,
                        found.billing,
                    )
                )
                notes += [
                    f"{source}: declares {one.kind}: {one.detail} [{one.source}, {one.strength}]"
                    for one in found.evidence
                ]
                if found.disagrees:
                    notes.append(f"{source}: its declaration and the verdict disagree")
    return code


def _report(options: argparse.Namespace, source: str, error: Any) -> None:
    name = type(error).__name__
    if options.json:
        facts = {
            "error": name,
            "message": str(error),
            "code": error.code,
            "billing": error.billing,
            "request_id": error.request_id,
        }
        print(json.dumps({"source": source, "ok": False, **facts}), flush=True)
    output.say(f"{source}: {name}: {error}")
