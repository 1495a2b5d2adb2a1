"""What a scan came to, counted as its rows go by: for people at the end, for machines as `summary.json`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigclens import _native
from aigclens.price import PRICE_DATE, PRICE_PER_CALL
from aigclens.scanning.budget import MICRO_PER_CALL, dollars
from aigclens.scanning.counts import Counted, Counts, Histogram

if TYPE_CHECKING:
    from collections import Counter

    from aigclens.scanning.rows import ScanRow

__all__ = ["Histogram", "Summary", "check_place", "described"]

# Sources that are described one by one.
_NAMES = 1_000
# Files that may be many gigabytes, and are read once, for their images.
_ARCHIVES = (".tar", ".tgz", ".gz", ".zip")


class Summary(Counts):
    """The counts of one run, live: what has been handed out so far.

    Attributes:
        items: Rows so far.
        ok: Those with an answer.
        failed: Those without.
        errors: Failures by `error_code`.
        labels: Answers by their deciding label.
        confidence: A histogram over rows with `is_aigc`.
        label_confidence: A histogram for each label that had a confidence, whether it decided or not.
        cached: Rows whose answer was in the store before this run.
        duplicates: Rows of a content that an earlier row had.
        declared: Rows of images that were not asked about, since they declare enough themselves.
        disagreements: Rows whose declaration and verdict contradict each other.
        skipped: Items that were left for another run.
        billed_calls: Calls that were charged in this run.
        possibly_billed_calls: Calls of this run that may have been charged.
        not_billed: Rows that cost nothing.
        engines: Rows by who answered, `service`, `emulator` or `provenance`.
        stopped: Why the run ended early, one line; `None` where it did not.
        resume: How to go on, one line; `None` where there is nothing to go on with.
    """

    items = Counted[int]()
    ok = Counted[int]()
    failed = Counted[int]()
    cached = Counted[int]()
    duplicates = Counted[int]()
    declared = Counted[int]()
    disagreements = Counted[int]()
    not_billed = Counted[int]()
    errors = Counted["Counter[str]"]()
    labels = Counted["Counter[str]"]()
    engines = Counted["Counter[str]"]()
    confidence = Counted[Histogram]()
    label_confidence = Counted["dict[str, Histogram]"]()

    def __init__(
        self,
        *,
        service: str = "aigcDetector_global",
        endpoint: str | None = None,
        region: str | None = None,
        budget: int | None = None,
        spent_before: int = 0,
        inputs: Sequence[dict[str, Any]] = (),
        store: str | None = None,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts counting now.

        Args:
            service: The service asked.
            endpoint: Where, `https://host`.
            region: The region asked, where it is known.
            budget: What may be spent over all runs, in millionths of a dollar; `None` for no limit.
            spent_before: What earlier runs of the same store spent of it, doubts included, in millionths of a dollar.
            inputs: What was scanned, as `described()` has it.
            store: The store's path, where there is one.
            wall: The time since the epoch in seconds.
            clock: The time that spans are measured with.
        """
        super().__init__()
        self.service, self.endpoint, self.region, self.store = service, endpoint, region, store
        self.budget, self.spent_before, self.inputs = budget, spent_before, list(inputs)
        self.skipped = self.billed_calls = self.possibly_billed_calls = 0
        self.stopped: str | None = None
        self.resume: str | None = None
        self._wall, self._clock = wall, clock
        self._started_at, self._started = wall(), clock()
        self._ended_at: float | None = None
        self._elapsed = 0.0
        self._is_from_ledger = False

    def __repr__(self) -> str:
        doubt = f", possibly {self.possibly_billed_usd:f}" if self.possibly_billed_calls else ""
        return (
            f"<Summary {self.items} items: {self.ok} ok, {self.failed} failed, {self.cached} cached, "
            f"{self.duplicates} duplicates; billed {self.billed_usd:f}{doubt} USD>"
        )

    def add(self, row: ScanRow) -> None:
        """Counts a row."""
        self._catch_up()
        self._count(row)
        # The ledger's counts of calls are ahead of this row's: see `spend`.
        if not self._is_from_ledger:
            self.billed_calls += row.billing == "billed"
            self.possibly_billed_calls += row.billing == "possibly_billed"

    def spend(self, billed_calls: int, possibly_billed_calls: int) -> None:
        """Takes the exact calls of this run from the ledger.

        An item can have taken several, and not every call that may have been charged has a row.
        """
        self.billed_calls, self.possibly_billed_calls = billed_calls, possibly_billed_calls
        self._is_from_ledger = True

    def end(self, stopped: str | None = None, resume: str | None = None) -> None:
        """The run is over; harmless when repeated.

        Args:
            stopped: Why it ended early, one line.
            resume: How to go on, one line.
        """
        self.stopped = stopped if self.stopped is None else self.stopped
        self.resume = resume if self.resume is None else self.resume
        if self._ended_at is None:
            self._ended_at, self._elapsed = self._wall(), self._clock() - self._started

    @property
    def elapsed(self) -> float:
        """Seconds so far, or of the whole run."""
        return self._elapsed if self._ended_at is not None else self._clock() - self._started

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.items / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def billed_usd(self) -> Decimal:
        """What this run was charged, in dollars, exactly."""
        return dollars(self.billed_calls * MICRO_PER_CALL)

    @property
    def possibly_billed_usd(self) -> Decimal:
        """What this run may have been charged beside that, in dollars, exactly."""
        return dollars(self.possibly_billed_calls * MICRO_PER_CALL)

    @property
    def left(self) -> int | None:
        """What is left of the budget, in millionths of a dollar; doubts count as spent. `None` for no limit."""
        if self.budget is None:
            return None
        return self.budget - self.spent_before - (self.billed_calls + self.possibly_billed_calls) * MICRO_PER_CALL

    def to_dict(self) -> dict[str, Any]:
        """Plain texts, numbers, lists and dictionaries; amounts of dollars are texts, so that they are exact."""
        left = self.left
        return {
            "items": self.items,
            "ok": self.ok,
            "failed": self.failed,
            "cached": self.cached,
            "duplicates": self.duplicates,
            "declared": self.declared,
            "disagreements": self.disagreements,
            "skipped": self.skipped,
            "errors": _most_first(self.errors),
            "labels": _most_first(self.labels),
            "confidence": list(self.confidence.bins),
            "label_confidence": {name: list(found.bins) for name, found in sorted(self.label_confidence.items())},
            "billed": {"calls": self.billed_calls, "usd": _usd(self.billed_usd)},
            "possibly_billed": {"calls": self.possibly_billed_calls, "usd": _usd(self.possibly_billed_usd)},
            "not_billed": {"items": self.not_billed},
            "price": {"usd_per_call": _usd(PRICE_PER_CALL), "as_of": PRICE_DATE},
            "budget": None
            if self.budget is None
            else {
                "usd": _usd(dollars(self.budget)),
                "spent_before_usd": _usd(dollars(self.spent_before)),
                "left_usd": _usd(dollars(left or 0)),
            },
            "started_at": _iso(self._started_at),
            "ended_at": None if self._ended_at is None else _iso(self._ended_at),
            "elapsed_seconds": round(self.elapsed, 3),
            "items_per_second": round(self.rate, 3),
            "service": self.service,
            "endpoint": self.endpoint,
            "region": self.region,
            "engines": dict(sorted(self.engines.items())),
            "store": self.store,
            "inputs": self.inputs,
            "version": _native.__version__,
            "stopped": self.stopped,
            "resume": self.resume,
        }

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes it as JSON. An earlier summary is replaced at once; another file is not, unless `force` says so.

        Raises:
            ConfigError: The place cannot be written to, or has another file.
            OSError: The disk is full or gone.
        """
        from aigclens.report.files import Replacement, write_whole

        place = Replacement(path, force=force, rows_of_ours=_summary_of_ours)
        try:
            write_whole(place.file, json.dumps(self.to_dict(), indent=2).encode() + b"\n")
            place.publish()
        finally:
            place.discard()


def check_place(path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Finds out now whether a summary could be written there.

    Raises:
        ConfigError: The place cannot be written to, or has another file.
    """
    from aigclens.report.files import Replacement

    Replacement(path, force=force, rows_of_ours=_summary_of_ours).discard()


def described(source: object, *, hash_files: bool = True) -> list[dict[str, Any]]:
    """What was scanned, for the manifest of a run: one entry a source, a file with its size and BLAKE3.

    Args:
        source: What `scan()` was given.
        hash_files: Whether to read the lists among them; archives are not read for this.
    """
    sources: Sequence[Any] = source if isinstance(source, list | tuple) else [source]
    # A long list of images is no list of inputs.
    if len(sources) > _NAMES or not all(isinstance(one, str | os.PathLike) for one in sources):
        return [{"kind": type(source).__name__, "items": len(sources)} if sources is source else _kind(source)]
    return [_place(os.fspath(one), hash_files=hash_files) for one in sources]


def _kind(source: object) -> dict[str, Any]:
    return {"kind": type(source).__name__}


def _place(name: str | bytes, *, hash_files: bool) -> dict[str, Any]:
    text = os.fsdecode(name)
    if "://" in text:
        return {"kind": "url", "path": text}
    path = Path(text)
    try:
        if path.is_dir():
            return {"kind": "folder", "path": text}
        if not path.is_file():
            return {"kind": "pattern", "path": text}
        found: dict[str, Any] = {"kind": "file", "path": text, "bytes": path.stat().st_size}
        if hash_files and not text.lower().endswith(_ARCHIVES):
            found["blake3"] = _digest(path)
    except (OSError, ValueError):
        return {"kind": "unreadable", "path": text}
    return found


def _digest(path: Path) -> str:
    digest = _native.Blake3()
    with path.open("rb", buffering=0) as reader:
        while piece := reader.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _most_first(counter: Counter[str]) -> dict[str, int]:
    return dict(counter.most_common())


def _usd(amount: Decimal) -> str:
    return f"{amount:f}"


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _summary_of_ours(path: Path) -> int | None:
    try:
        with path.open("rb") as reader:
            found = json.loads(reader.read(1 << 22))
        return int(found["items"]) if {"billed", "possibly_billed", "version", "inputs"} <= set(found) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
