"""Reckon what a scan would ask and cost, without asking anything: after duplicates, refusals and what a store has."""

from __future__ import annotations

import argparse
from typing import Any

from aigclens.cli import OK, choices, engine, output

# What a client asks at most where nothing is said, by the second.
_QPS = 95.0


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `aigclens estimate`."""
    choices.add_inputs(parser, "the store of earlier runs, whose answers are not asked for again (default: none)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    choices.add_client(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Counts, reckons and prints."""
    from aigclens.errors import AigcError

    store = options.store
    if store is None and getattr(options, "out", None):
        store = f"{options.out}.aigclens.sqlite"
    try:
        with choices.client_of(options) as client:
            found = engine.estimate(
                options.sources, client, store=store, retry=options.retry, **choices.input_options(options)
            )
    except (AigcError, OSError) as error:
        output.say(f"{type(error).__name__}: {error}")
        return choices.refused(error)
    facts = _facts(found, options.qps or _QPS)
    if options.json:
        from aigclens.report.jsonl import text

        print(text(facts), flush=True)
    else:
        _show(facts)
    return OK


def _facts(found: Any, qps: float) -> dict[str, Any]:
    return {
        "items": found.items,
        "refused": found.refused,
        "duplicates": found.duplicates,
        "cached": found.cached,
        "declared": found.declared,
        "skipped": found.skipped,
        "calls": found.calls,
        "usd": f"{found.cost:f}",
        "price_date": found.price_date,
        "qps": qps,
        "seconds": round(found.calls / qps, 3),
    }


def _show(facts: dict[str, Any]) -> None:
    from aigclens.scanning.progress import span

    rows = [
        ("images", f"{facts['items']:,}"),
        ("refused, free of charge", f"{facts['refused']:,}"),
        ("duplicates", f"{facts['duplicates']:,}"),
        ("in the store", f"{facts['cached']:,}"),
        ("declared, not asked about", f"{facts['declared']:,}"),
        ("passed over, no images", f"{facts['skipped']:,}"),
        ("calls to make", f"{facts['calls']:,}"),
        ("cost", f"{facts['usd']} USD (price of {facts['price_date']})"),
        ("time", f"{span(facts['seconds'])} at {facts['qps']:g} calls a second"),
    ]
    output.table(("estimate", ""), rows)
