"""Counts beside a recorded baseline: what has grown too much, and what cannot be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# More per cent than this above the baseline fails; as many below it, a new one is worth recording.
MOST = 10
RECORD = "make bench-count RECORD=1"
# Cases that Python's own code has a part in.
WALL = "wall-"


@dataclass(frozen=True)
class Line:
    """One case of the table."""

    case: str
    count: int | None
    baseline: int | None
    # Why it is not compared, where that is no failure.
    unjudged: str = ""

    @property
    def change(self) -> float | None:
        """As a share of the baseline."""
        if self.count is None or not self.baseline:
            return None
        return self.count / self.baseline - 1

    @property
    def is_above(self) -> bool:
        """Whether it takes too many. In whole numbers: a tenth is no binary fraction."""
        return self.count is not None and self.baseline is not None and self.count * 100 > self.baseline * (100 + MOST)

    @property
    def note(self) -> str:
        """What the table says of it."""
        if self.baseline is None:
            return "no baseline"
        if self.count is None:
            return "not counted"
        if self.unjudged:
            return self.unjudged
        if self.is_above:
            return "TOO MANY"
        return "fewer: worth recording" if self.count * 100 < self.baseline * (100 - MOST) else ""

    @property
    def problem(self) -> str | None:
        """Why this fails the run, in one line; `None` if it does not."""
        if self.unjudged:
            return None
        if self.baseline is None:
            return f"{self.case} has no baseline; record one: {RECORD}"
        if self.count is None:
            return f"{self.case} has a baseline and is no case any more; record anew: {RECORD}"
        if self.is_above:
            return (
                f"{self.case} takes {self.count:,} instructions, {self.count / self.baseline - 1:.1%} more than its "
                f"baseline of {self.baseline:,} ({MOST}% are allowed); if that is meant, record a new one: {RECORD}"
            )
        return None


def minor(version: str) -> str:
    """`3.11` of `3.11.7`: CPython's own instructions differ between these."""
    return ".".join(version.split(".")[:2])


def compare(counts: dict[str, int], made_by: dict[str, str], baseline: dict[str, Any], is_whole: bool) -> list[Line]:
    """The cases that were counted, then those of the baseline that were not, unless only some were asked for."""
    known, theirs = baseline.get("counts", {}), baseline.get("made_by", {})

    def unjudged(case: str) -> str:
        if not theirs:
            return ""
        if theirs["target"] != made_by["target"]:
            return "another target"
        if case.startswith(WALL) and minor(theirs["python"]) != minor(made_by["python"]):
            return "another Python"
        return ""

    lines = [Line(case, count, known.get(case), unjudged(case)) for case, count in counts.items()]
    if is_whole:
        lines += [Line(case, None, count, unjudged(case)) for case, count in known.items() if case not in counts]
    return lines


def differences(made_by: dict[str, str], baseline: dict[str, Any]) -> list[str]:
    """With what else the baseline was made: its counts may differ for that alone."""
    theirs = baseline.get("made_by", {})
    return [
        f"The baseline was made with another {what}: {theirs.get(what, 'unknown')}; here it is {here}."
        for what, here in made_by.items()
        if theirs and theirs.get(what) != here
    ]


def table(lines: list[Line]) -> str:
    """For people."""

    def number(value: int | None) -> str:
        return "-" if value is None else f"{value:,}"

    rows = [("case", "instructions", "baseline", "change", "")]
    for line in lines:
        change = "-" if line.change is None else f"{line.change:+.1%}"
        rows.append((line.case, number(line.count), number(line.baseline), change, line.note))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    written = [
        "  ".join([row[0].ljust(widths[0]), *(row[at].rjust(widths[at]) for at in (1, 2, 3)), row[4]]).rstrip()
        for row in rows
    ]
    return "\n".join(written)
