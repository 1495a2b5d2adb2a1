"""What callgrind wrote down: instructions of each function itself, and of calls with all that they call."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

# `fn=(12) name` the first time, `fn=(12)` from then on; `cfn=` names who is called, with the same numbers.
NAMED = re.compile(r"(c?fn)=\((\d+)\)(?: (.*))?")
# A position, or how far it is from the last one, and the instructions there.
COST = re.compile(r"(?:[+-]?\d+|\*) (\d+)$")


class Unreadable(Exception):
    """It is no file of callgrind's, or one that was not written to its end."""


@dataclass
class Profile:
    """Instructions, by function."""

    total: int = 0
    own: Counter[str] = field(default_factory=Counter)
    with_called: Counter[str] = field(default_factory=Counter)

    def own_of(self, pattern: str) -> int:
        """Of all functions whose names match, without what they call."""
        return sum(cost for name, cost in self.own.items() if re.search(pattern, name))

    def called(self, pattern: str) -> int:
        """Of all calls to functions whose names match, with all that these call."""
        return sum(cost for name, cost in self.with_called.items() if re.search(pattern, name))


def parse(text: str) -> Profile:
    """Reads a file with one event (instructions) and one position (lines)."""
    profile, names = Profile(), dict[str, str]()
    function = called = ""
    is_call, total = False, None
    for line in text.splitlines():
        if named := NAMED.match(line):
            kind, number, name = named.groups()
            if name is not None:
                names[number] = name
            if kind == "fn":
                function = names[number]
            else:
                called = names[number]
        elif line.startswith("calls="):
            is_call = True
        elif cost := COST.match(line):
            if is_call:
                profile.with_called[called] += int(cost[1])
            else:
                profile.own[function] += int(cost[1])
                profile.total += int(cost[1])
            is_call = False
        elif line.startswith("totals: "):
            total = int(line.removeprefix("totals: "))
        elif line.startswith("events: ") and line != "events: Ir":
            raise Unreadable(f"other events than instructions were counted: {line}")
    if total is None or total != profile.total:
        raise Unreadable(f"it has {profile.total} instructions and says {total}")
    return profile


def read(path: Path) -> Profile:
    """Reads a file."""
    return parse(path.read_text(errors="replace"))
