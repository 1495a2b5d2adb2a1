"""The part of the hunt for secrets that scans: stores and their logs, rows, exports, summaries, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from canaries import Canaries, describe, frozen, trouble

import aigclens
from aigclens import report
from aigclens.store import Store
from servers import Answer, Recorded, RecordingServer

Mood = Callable[[Recorded], Answer | None]


def hunt_scans(
    hunt: Canaries, scene: Any, moods: dict[str, Mood], credentials: Callable[[], Any], folder: Path, png: bytes
) -> None:
    """A scan in each mood of the server, with all that it writes and shows."""
    said: list[str] = []
    with RecordingServer(scene.answer) as server:
        for number, (name, mood) in enumerate(moods.items()):
            scene.mood = mood
            place = folder / f"scan-{number}"
            place.mkdir()
            store = place / "run.sqlite"
            sources = [png + bytes([index]) for index in range(3)] + [f"https://example.com/{i}.png" for i in range(3)]
            options: dict[str, Any] = {
                "endpoint": server.url,
                "credentials": credentials(),
                "qps": None,
                "max_retries": 1,
                "timeout": 5.0,
                "patience": 0.05,
                "progress": lambda progress: said.append(repr(progress)),
            }
            rows: list[aigclens.ScanRow] = []
            scan = aigclens.scan(sources, store=store, budget="1 USD", **options)
            said.append(repr(scan))
            try:
                rows.extend(scan)
            except aigclens.AigcError as error:
                for text in trouble(error):
                    hunt.hunt("exceptions", text)
            said.append(repr(scan.summary.to_dict()))
            # Also what SQLite has not overwritten yet.
            for file in sorted(place.iterdir()):
                hunt.hunt("stores", file.read_bytes())
            with Store(store) as reader:
                assert not reader.verify(), f"{name}: the store does not verify"
                stored = list(reader.rows())
                hunt.hunt("stores", repr(reader.info()) + repr(reader.unresolved()))
            for row in [*rows, *stored]:
                for text in describe(row):
                    hunt.hunt("rows", text)
                hunt.hunt("rows", repr(row.to_dict()) + repr(row.body))
                hunt.hunt("pickles", frozen(row))
            for suffix in ("jsonl", "csv", "parquet", "html"):
                target = place / f"rows.{suffix}"
                report.write(iter(stored), target)
                hunt.hunt("exports", target.read_bytes())
    hunt.hunt("progress", "\n".join(said))
