"""How many of what: counted row by row, or a batch of rows at once, with what the core has counted of it."""

from __future__ import annotations

import math
import threading
from collections import Counter
from operator import length_hint
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from aigclens.scanning.rows import ScanRow

__all__ = ["Batch", "Counted", "Counts", "Histogram", "Tally"]

# Names that are counted one by one; a service that makes up more does not fill the memory.
NAMES = 1_000
_OTHERS = "(others)"
_NONE = "(none)"

T = TypeVar("T")

# What the core counts of the rows that it hands out together: those that are ok, cached, duplicates and not billed; how
# often each error, deciding label and engine is there; the bins of confidences, and those of each label.
Tally: TypeAlias = """tuple[
    int, int, int, int,
    list[tuple[str, int]], list[tuple[str | None, int]], list[tuple[str, int]],
    list[int], list[tuple[str, list[int]]],
]"""


class Histogram:
    """How often confidences of 0 to 100 fell into each of ten bins: [0, 10), [10, 20) ... [90, 100]."""

    __slots__ = ("bins",)

    def __init__(self) -> None:
        self.bins = [0] * 10

    def add(self, confidence: float | None) -> None:
        """Counts one; what is no number is counted nowhere."""
        if confidence is not None and not math.isnan(confidence):
            self.bins[int(min(max(confidence // 10, 0), 9))] += 1

    def add_all(self, bins: list[int]) -> None:
        """Counts many."""
        self.bins = [mine + more for mine, more in zip(self.bins, bins, strict=True)]


class Counts:
    """The counts; `aigclens.scanning.Summary` says what each of them is."""

    _behind: Batch | None

    def __init__(self) -> None:
        self._items = self._ok = self._failed = self._cached = self._duplicates = 0
        self._declared = self._disagreements = self._not_billed = 0
        self._errors: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._engines: Counter[str] = Counter()
        self._confidence = Histogram()
        self._label_confidence: dict[str, Histogram] = {}
        # The rows that are being handed out, not all of which are counted yet.
        self._behind = None
        # Whoever looks counts, on whatever thread; a signal's handler may look while its own thread counts.
        self._counting = threading.RLock()

    def _catch_up(self) -> None:
        """Counts whatever has been handed out by now."""
        if self._behind is None:
            return
        with self._counting:
            if self._behind is not None:
                for row in self._behind.handed_out():
                    self._count(row)

    def follow(self, batch: Batch | None) -> None:
        """These rows are handed out from now on. Those of the batch before have been; what was not, never will be."""
        with self._counting:
            if self._behind is not None and self._behind.is_whole:
                whole, self._behind = self._behind, None
                self._count_all(whole)
            self._catch_up()
            self._behind = batch

    def renew(self) -> None:
        """In a child of a fork: whoever was counting is not there."""
        self._counting = threading.RLock()

    def _count(self, row: ScanRow) -> None:
        engine = row.engine
        self._items += 1
        if row.cached:
            self._cached += 1
        if row.duplicate_of is not None:
            self._duplicates += 1
        if row.evidence and row.disagrees:
            self._disagreements += 1
        if row.billing == "not_billed":
            self._not_billed += 1
        if engine is not None:
            self._engines[engine] += 1
            if engine == "provenance":
                self._declared += 1
        if not row.ok:
            self._failed += 1
            _count(self._errors, row.error_code or _NONE)
            return
        self._ok += 1
        _count(self._labels, row.label if row.label is not None else _NONE)
        if row.is_aigc:
            self._confidence.add(row.confidence)
        for label in row.labels:
            if label.confidence is not None:
                self._histogram(label.name).add(label.confidence)

    def _count_all(self, batch: Batch) -> None:
        """The same for a whole batch; the core has counted it."""
        ok, cached, duplicates, not_billed, errors, labels, engines, confidence, label_confidence = batch.tally
        number = len(batch.rows)
        self._items += number
        self._ok += ok
        self._failed += number - ok
        self._cached += cached
        self._duplicates += duplicates
        self._not_billed += not_billed
        self._disagreements += sum(1 for row in batch.rows if row.evidence and row.disagrees)
        for name, count in errors:
            _count(self._errors, name or _NONE, count)
        for label, count in labels:
            _count(self._labels, label if label is not None else _NONE, count)
        for name, count in engines:
            self._engines[name] += count
            if name == "provenance":
                self._declared += count
        self._confidence.add_all(confidence)
        for name, bins in label_confidence:
            self._histogram(name).add_all(bins)

    def _histogram(self, name: str) -> Histogram:
        has_place = name in self._label_confidence or len(self._label_confidence) < NAMES
        return self._label_confidence.setdefault(name if has_place else _OTHERS, Histogram())


class Batch:
    """Rows that are handed out one after the other, what the core counts of all of them, and who is next."""

    __slots__ = ("_counted", "left", "rows", "tally")

    def __init__(self, rows: list[ScanRow], tally: Tally) -> None:
        self.rows, self.tally, self.left = rows, tally, iter(rows)
        self._counted = 0

    @property
    def is_whole(self) -> bool:
        """Whether all of it was handed out and none of it is counted yet."""
        return not self._counted and not length_hint(self.left)

    def handed_out(self) -> Iterator[ScanRow]:
        """What was handed out since this was asked for the last time."""
        first, self._counted = self._counted, len(self.rows) - length_hint(self.left)
        return iter(self.rows[first : self._counted])


class Counted(Generic[T]):
    """An attribute of counts, brought up to date before it is read."""

    __slots__ = ("_name",)

    def __set_name__(self, owner: type[Counts], name: str) -> None:
        self._name = f"_{name}"

    @overload
    def __get__(self, counts: None, owner: type[Counts]) -> Self: ...
    @overload
    def __get__(self, counts: Counts, owner: type[Counts]) -> T: ...
    def __get__(self, counts: Counts | None, owner: type[Counts]) -> Self | T:
        if counts is None:
            return self
        counts._catch_up()
        return getattr(counts, self._name)  # type: ignore[no-any-return]

    def __set__(self, counts: Counts, value: T) -> None:
        counts._catch_up()
        setattr(counts, self._name, value)


def _count(counter: Counter[str], name: str, number: int = 1) -> None:
    counter[name if name in counter or len(counter) < NAMES else _OTHERS] += number
