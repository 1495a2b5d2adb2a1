"""A scan that plays a script, so that what is tested is the command alone: `python -m fake_scan scan ...`.

The script is JSON in the environment variable FAKE_SCAN: `rows` (keys; `!` before one that fails), `error` (a class and
a message that end it), `wait` (rows after which it waits for a stop), `hostile` (whether texts are hostile).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import aigclens.errors
from aigclens import cli
from aigclens.cli import engine
from aigclens.scanning.progress import Reporter
from aigclens.scanning.rows import ScanRow
from aigclens.scanning.summary import Summary, described
from scan_rows import again, answered, failed

HOSTILE = "a\x1b]0;pwned\x07\x1b[2Jb\rc\t\u202egnp\n<img src=x onerror=alert(1)>"


class FakeScan:
    """What `aigclens.scan` gives back, as far as the command knows it."""

    def __init__(self, sources: list[str], **options: Any) -> None:
        self.script: dict[str, Any] = json.loads(os.environ["FAKE_SCAN"])
        self.summary = Summary(store=options["store"], inputs=described(sources))
        if self.script.get("refuses"):
            raise self._error(self.script["refuses"])
        self._reporter = Reporter(options["progress"], len(self.script["rows"]), self.summary)
        self._is_stopped = self.is_closed = False
        self._log({name: value for name, value in options.items() if name != "progress"})

    def _log(self, what: Any) -> None:
        if os.environ.get("FAKE_LOG"):
            with open(os.environ["FAKE_LOG"], "a") as log:
                log.write(json.dumps(what) + "\n")

    def _error(self, described: list[str]) -> Exception:
        kind = getattr(aigclens.errors, described[0], None) or RuntimeError
        return kind(described[1])

    def stop(self) -> None:
        self._is_stopped = True

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._reporter.close()
            self._log("closed")

    def __enter__(self) -> FakeScan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[ScanRow]:
        for number, key in enumerate(self.script["rows"]):
            while number == self.script.get("wait") and not self._is_stopped:
                time.sleep(0.01)
            if self._is_stopped and not self.script.get("deaf"):
                break
            while self._is_stopped:
                time.sleep(0.01)
            yield self._row(key)
        self.summary.end()
        self._reporter.end()
        if self.script.get("error") and not self._is_stopped:
            raise self._error(self.script["error"])

    def _row(self, key: str) -> ScanRow:
        row = failed(key[1:]) if key.startswith("!") else answered(key)
        if self.script.get("hostile"):
            row = answered(f"{key}{HOSTILE}", label=HOSTILE, risk_level=HOSTILE)
            if key.startswith("!"):
                row = failed(f"{key}{HOSTILE}", error=f"ServerError: {HOSTILE}", error_code=HOSTILE)
        row = again(row) if self.script.get("cached") else row
        self.summary.add(row)
        self._reporter.tell(self.script.get("state", "running"))
        return row


class FakeStore:
    """What `aigclens.store.Store` is, as far as the command knows it."""

    def __init__(self, path: str) -> None:
        if not os.path.exists(path):
            raise aigclens.errors.StoreDamaged(f"{path} is no store")

    def __enter__(self) -> FakeStore:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def info(self) -> dict[str, Any]:
        return {"schema": 1, "contents": 12_345, "spent": {"billed_usd": "0.60", "calls": 1000}, "name": HOSTILE}

    def rows(self) -> Iterator[ScanRow]:
        return iter([answered("a.png"), failed("=b.png")])

    def unresolved(self) -> list[dict[str, Any]]:
        return json.loads(os.environ.get("FAKE_UNRESOLVED", "[]"))  # type: ignore[no-any-return]

    def verify(self) -> list[str]:
        return json.loads(os.environ.get("FAKE_PROBLEMS", "[]"))  # type: ignore[no-any-return]


def estimate(sources: list[str], client: Any, **options: Any) -> Any:
    """An estimate of some thousand items."""
    if sources == ["nowhere"]:
        raise aigclens.errors.ConfigError("there is no 'nowhere'")
    return SimpleNamespace(
        items=10_000, refused=4, duplicates=4_000, cached=1_000, declared=0, calls=4_996, cost=Decimal("2.9976"),
        price_date="2025-11-24", skipped=7, options=options,
    )  # fmt: skip


def main() -> int:
    """The command, with all of this in the place of the real thing."""
    substitutes: Any = engine
    substitutes.start = lambda sources, client, **options: FakeScan(sources, **options)
    substitutes.estimate = estimate
    substitutes.open_store = FakeStore
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
