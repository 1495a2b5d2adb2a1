"""Which rows a file has already, in some 30 bytes a row."""

from __future__ import annotations

import json
from array import array
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from aigclens.scanning.rows import COLUMNS

if TYPE_CHECKING:
    from aigclens.scanning.rows import ScanRow

__all__ = ["Hashes", "Index", "of_facts", "of_row"]

Hashes: TypeAlias = tuple[int, int]
"""What a row is about, and what it says."""

_MASK = 2**64 - 1
# What a slot of the table is: free, a line of the file that this run has not met, one that it has met as it is, one
# that this run has said otherwise.
_FREE, _LINE, _MET, _SUPERSEDED = range(4)
# What a row is about, and what makes it another row about the same.
_PARTS = ("key", "source", "ok", "label", "confidence", "blake3", "service", "request_id", "detected_at", "error")
_row_parts, _facts_parts = attrgetter(*_PARTS), itemgetter(*_PARTS)
# Lines about one and the same that the table takes; more of them have a place of their own.
_FEW = 8


class Index:
    """The lines of one file, by what they are about (key and source) and by what they say.

    A table with open addressing over flat arrays, since a dictionary of a million rows would take more memory than the
    scan itself. The hashes are Python's own of 64 bits, whose seed is this process's secret.
    """

    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._size = lines + lines // 3 + 1
        self._about = array("Q", bytes(8 * self._size))
        self._said = array("Q", bytes(8 * self._size))
        self._number = array("I" if lines < 2**32 else "Q")
        self._number.frombytes(bytes(self._number.itemsize * self._size))
        self._state = bytearray(self._size)
        # Whether this run has said something about what a line is about: on the first line about it.
        self._touched = bytearray(self._size)
        self._many: dict[int, _Many] = {}

    def __len__(self) -> int:
        return self._lines

    def add(self, number: int, line: Hashes) -> None:
        """A line of the file."""
        about, said = line
        slot, met = about % self._size, 0
        while self._state[slot]:
            met += self._about[slot] == about
            if met == _FEW:
                self._many.setdefault(about, _Many()).add(said, number)
                return
            slot = slot + 1 if slot + 1 < self._size else 0
        self._about[slot], self._said[slot], self._number[slot], self._state[slot] = about, said, number, _LINE

    def meets(self, row: Hashes) -> bool:
        """Whether a row of this run stands in the file as it is; each line counts for one row."""
        about, said = row
        slot, other, is_first = about % self._size, -1, True
        while self._state[slot]:
            if self._about[slot] == about:
                if is_first:
                    self._touched[slot], is_first = 1, False
                if self._state[slot] == _LINE:
                    if self._said[slot] == said:
                        self._state[slot] = _MET
                        return True
                    other = slot if other < 0 else other
            slot = slot + 1 if slot + 1 < self._size else 0
        many = self._many.get(about)
        if many is not None and many.meets(said):
            return True
        if other >= 0:
            self._state[other] = _SUPERSEDED
        elif many is not None:
            many.supersede()
        return False

    def superseded(self, *, complete: bool) -> bytearray:
        """One byte for each line: 1 where it is to go.

        Args:
            complete: Whether the run has said everything: what it has not met of its keys goes as well.
        """
        gone = bytearray(self._lines)
        for slot, state in enumerate(self._state):
            if state == _SUPERSEDED or (complete and state == _LINE and self._is_touched(self._about[slot])):
                gone[self._number[slot]] = 1
        for about, many in self._many.items():
            for number in many.gone(unmet=complete and self._is_touched(about)):
                gone[number] = 1
        return gone

    def _is_touched(self, about: int) -> bool:
        slot = about % self._size
        while self._about[slot] != about or not self._state[slot]:
            slot = slot + 1 if slot + 1 < self._size else 0
        return bool(self._touched[slot])


class _Many:
    """Further lines about one and the same, which a table would search for long."""

    def __init__(self) -> None:
        self._unmet: dict[int, array[int]] = {}
        self._superseded = array("Q")

    def add(self, said: int, number: int) -> None:
        self._unmet.setdefault(said, array("Q")).append(number)

    def meets(self, said: int) -> bool:
        return self._take(said) is not None

    def supersede(self) -> None:
        for said in self._unmet:
            number = self._take(said)
            if number is not None:
                self._superseded.append(number)
            return

    def _take(self, said: int) -> int | None:
        numbers = self._unmet.get(said)
        if numbers is None:
            return None
        number = numbers.pop()
        if not numbers:
            del self._unmet[said]
        return number

    def gone(self, *, unmet: bool) -> list[int]:
        left = [number for numbers in self._unmet.values() for number in numbers] if unmet else []
        return [*self._superseded, *left]


def of_row(row: ScanRow) -> Hashes:
    """What a row without extras is about, and what it says."""
    parts = _row_parts(row)
    return hash(parts[:2]) & _MASK, hash((parts, None)) & _MASK


def of_facts(facts: dict[str, Any]) -> Hashes:
    """The same of a line that was read again, or of a row as it would be: what was carried along is said as well."""
    parts = _facts_parts(facts)
    extras = json.dumps(list(facts.items())[len(COLUMNS) :]) if len(facts) > len(COLUMNS) else None
    return hash(parts[:2]) & _MASK, hash((parts, extras)) & _MASK
