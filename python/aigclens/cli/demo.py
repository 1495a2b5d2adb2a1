"""The main job on the embedded emulator: real images over real HTTP, by path, bytes and URL, sync and async."""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigclens.cli import OK, SOME_FAILED, output

if TYPE_CHECKING:
    from aigclens.models import Detection

SAMPLES = Path(__file__).with_name("samples")
# What each image declares, and so what the emulator says.
EXPECTED = {
    "a1111.png": "aigc",
    "aigc-label.png": "aigc",
    "iptc-generated.jpg": "aigc",
    "iptc-composite.webp": "aigc",
    "iptc-captured.jpg": "nonLabel",
    "plain.png": "nonLabel",
    "plain.jpg": "nonLabel",
    "plain.webp": "nonLabel",
}
_WAYS = ("path", "bytes", "url")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def add(parser: argparse.ArgumentParser) -> None:
    """`aigclens demo` has no arguments."""
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Asks about every sample in every way; 0 if each call was answered as its image declares."""
    from aigclens.errors import AigcError
    from aigclens.testing import Emulator

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(SAMPLES)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    rows: list[tuple[str, ...]] = []
    answered = 0
    calls = [(name, way) for name in EXPECTED for way in _WAYS]

    def source(name: str, way: str) -> Any:
        path = SAMPLES / name
        return {"path": path, "bytes": path.read_bytes(), "url": f"{base}/{name}"}[way]

    def note(door: str, name: str, way: str, ask: Callable[[], Detection]) -> None:
        nonlocal answered
        try:
            found = ask()
        except AigcError as error:
            rows.append((name, way, door, type(error).__name__, "-", "-", error.billing, str(error)))
            return
        answered += found.engine == "emulator" and found.label == EXPECTED[name] and found.billing == "billed"
        reason = (found.labels[0].description or "") if found.labels else ""
        rows.append(
            (name, way, door, found.label or "-", output.number(found.confidence), found.engine, found.billing, reason)
        )

    async def all_at_once(emulator: Emulator) -> list[Detection | BaseException]:
        async with emulator.async_client() as client:
            asked = (client.detect(source(name, way)) for name, way in calls)
            return await asyncio.gather(*asked, return_exceptions=True)

    with Emulator() as emulator:
        print(f"The emulator runs at {emulator.url}. It looks at no pixels: it repeats what images declare.\n")
        with emulator.client() as client:
            for name, way in calls:
                note("sync", name, way, partial(client.detect, source(name, way)))
        for (name, way), outcome in zip(calls, asyncio.run(all_at_once(emulator)), strict=True):
            note("async", name, way, partial(_unwrapped, outcome))
        ledger = emulator.ledger()
    server.shutdown()
    server.server_close()
    output.table(("image", "by", "call", "label", "confidence", "engine", "billing", "why"), rows)
    print(
        f"\n{answered} of {2 * len(calls)} calls answered as their images declare; the service would have charged "
        f"{ledger.billed} calls, {ledger.total} {ledger.currency}."
    )
    return OK if answered == 2 * len(calls) == ledger.billed else SOME_FAILED


def _unwrapped(outcome: Detection | BaseException) -> Detection:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
