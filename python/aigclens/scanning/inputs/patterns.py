"""Patterns of paths: `*` and `?` within a name, `[...]`, and `**` for any number of folders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aigclens.scanning.inputs import braces

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAGIC = re.compile(r"[*?[]")


def has_magic(text: str) -> bool:
    """Whether a text is a pattern."""
    return _MAGIC.search(text) is not None


def split(text: str) -> tuple[str, str]:
    """The folder in front of a pattern's first wildcard, and the pattern below it."""
    parts = text.split("/")
    plain = next(at for at, part in enumerate(parts) if has_magic(part))
    folder = "/".join(parts[:plain]) or ("/" if text.startswith("/") else ".")
    return folder, "/".join(parts[plain:])


class Pattern:
    """One pattern of paths below a folder, written with `/`."""

    __slots__ = ("_parts", "_whole", "hidden", "names_kind")

    def __init__(self, text: str, *, anchored: bool = False) -> None:
        text = text.removeprefix("./").rstrip("/")
        parts = text.split("/")
        if parts[0] == "":
            parts = parts[1:]
        elif len(parts) == 1 and not anchored:
            # A name alone is looked for in every folder.
            parts = ["**", *parts]
        self._parts = [None if part == "**" else re.compile(_translate(part), re.DOTALL) for part in parts]
        self._whole = re.compile(_whole(parts), re.DOTALL)
        # Whether it means hidden files, and whether it says itself what its files are.
        self.hidden = any(part.startswith(".") for part in parts)
        ending = parts[-1].rpartition(".")
        self.names_kind = bool(ending[1]) and not has_magic(ending[2])

    def takes(self, path: str) -> bool:
        """Whether a file's path is meant."""
        return self._whole.fullmatch(path) is not None

    def may_hold(self, folder: str) -> bool:
        """Whether a file below a folder could be meant."""
        names = folder.split("/")
        for at, part in enumerate(self._parts):
            if part is None or at == len(names):
                return True
            if part.fullmatch(names[at]) is None:
                return False
        return False


def read(texts: Iterable[str], *, anchored: bool = False) -> tuple[Pattern, ...]:
    """Patterns from texts, in which braces mean several."""
    return tuple(Pattern(one, anchored=anchored) for text in texts for one in braces.expand(text))


def _whole(parts: list[str]) -> str:
    last = len(parts) - 1
    made = []
    for at, part in enumerate(parts):
        if part == "**":
            made.append(".*" if at == last else "(?:[^/]+/)*")
        else:
            made.append(_translate(part) + ("" if at == last else "/"))
    return "".join(made)


def _translate(part: str) -> str:
    made: list[str] = []
    at = 0
    while at < len(part):
        character = part[at]
        at += 1
        if character == "*":
            if not made or made[-1] != "[^/]*":
                made.append("[^/]*")
        elif character == "?":
            made.append("[^/]")
        elif character == "[":
            # The first character behind it may be "]" itself.
            end = part.find("]", at + (2 if part[at : at + 1] == "!" else 1))
            if end < 0:
                made.append(re.escape(character))
                continue
            inside = part[at:end]
            at = end + 1
            negated = inside.startswith("!")
            chosen = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[negated:])
            made.append(f"(?!/)[{'^' if negated else ''}{chosen}]")
        else:
            made.append(re.escape(character))
    return "".join(made)
