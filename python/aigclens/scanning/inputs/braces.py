"""`{a,b}` and `{000..999}` in a text, as the shells and WebDataset write many names in one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NUMBERS = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})(?:\.\.(-?\d{1,18}))?", re.ASCII)
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.(-?\d{1,18}))?", re.ASCII)


def has_braces(text: str) -> bool:
    """Whether several names are meant."""
    return _first(text) is not None


def expand(text: str) -> Iterator[str]:
    """The names that are meant, in order, each made when it is asked for. Braces without a comma or a range in them are
    themselves, as in a shell.
    """
    found = _first(text)
    if found is None:
        yield text
        return
    start, end, choices = found
    for choice in choices:
        for name in expand(choice):
            for tail in expand(text[end:]):
                yield text[:start] + name + tail


def _first(text: str) -> tuple[int, int, Iterable[str]] | None:
    """The first pair of braces that means several names: where it is, and its choices."""
    opened = text.find("{")
    while opened >= 0:
        end, parts = _parts(text, opened)
        if end and len(parts) > 1:
            return opened, end, parts
        if end:
            span = _range(parts[0])
            if span is not None:
                return opened, end, span
        opened = text.find("{", opened + 1)
    return None


def _parts(text: str, opened: int) -> tuple[int, list[str]]:
    """What stands between a brace and its partner, at its commas; and where it ends, 0 if it does not."""
    depth = 0
    parts = []
    begun = opened + 1
    for at in range(opened, len(text)):
        character = text[at]
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                parts.append(text[begun:at])
                return at + 1, parts
        elif character == "," and depth == 1:
            parts.append(text[begun:at])
            begun = at + 1
    return 0, []


def _range(text: str) -> Iterable[str] | None:
    numbers = _NUMBERS.fullmatch(text)
    if numbers is not None:
        first, last, step = numbers.groups()
        padded = any(len(one.lstrip("-")) > 1 and one.lstrip("-").startswith("0") for one in (first, last))
        width = max(len(first), len(last)) if padded else 0
        return (f"{number:0{width}d}" for number in _steps(int(first), int(last), step))
    letters = _LETTERS.fullmatch(text)
    if letters is not None:
        first, last, step = letters.groups()
        return (chr(code) for code in _steps(ord(first), ord(last), step))
    return None


def _steps(first: int, last: int, step: str | None) -> range:
    by = abs(int(step or 1)) or 1
    return range(first, last + 1, by) if first <= last else range(first, last - 1, -by)
