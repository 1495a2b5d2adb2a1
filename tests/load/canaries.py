"""Planted secrets, and the hunt for them in whatever a program could show, write or send."""

from __future__ import annotations

import base64
import json
import pickle
import traceback
import urllib.parse
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any


class Canaries:
    """The secrets by name. Shows none of them itself, so that a frame which holds this object is no find."""

    WINDOW = 12

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._needles: dict[bytes, str] = {}
        self.found: list[str] = []
        self.searched: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<{len(self._values)} canaries>"

    def plant(self, name: str, value: str) -> str:
        """Adds one, in each way of writing it that a text could have."""
        self._values[name] = value
        plain = value.encode()
        ways = {
            "as it is": plain,
            "percent-encoded": urllib.parse.quote(value, safe="").encode(),
            "twice percent-encoded": urllib.parse.quote(urllib.parse.quote(value, safe=""), safe="").encode(),
            "as JSON": json.dumps(value)[1:-1].encode(),
            "in hexadecimal": plain.hex().encode(),
            "as base64": base64.b64encode(plain).rstrip(b"="),
        }
        for way, needle in ways.items():
            # A part of it is a leak as well: every window is looked for, so that a shortened text hides nothing.
            for start in range(max(1, len(needle) - self.WINDOW + 1)):
                self._needles.setdefault(needle[start : start + self.WINDOW], f"{name} {way}")
        return value

    def value(self, name: str) -> str:
        return self._values[name]

    @property
    def names(self) -> list[str]:
        return sorted(self._values)

    def hunt(self, sink: str, text: str | bytes, but: Iterable[str] = ()) -> None:
        """Looks through what a sink got; `but` names what is there by design."""
        haystack = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        self.searched[sink] = self.searched.get(sink, 0) + len(haystack)
        excused = set(but)
        # One pass over the text for all needles, since they are of one length.
        for start in range(max(0, len(haystack) - self.WINDOW + 1)):
            name = self._needles.get(haystack[start : start + self.WINDOW])
            if name is not None and name.split()[0] not in excused:
                around = haystack[max(0, start - 60) : start]
                self.found.append(f"{sink}: {name}, behind {around!r}")
                return


def describe(thing: object) -> Iterator[str]:
    """Every text that a debugger, a log or an error tracker makes of an object."""
    yield repr(thing)
    yield str(thing)
    yield f"{thing}"
    yield repr(dir(thing))
    for name in dir(thing):
        if not name.startswith("__"):
            try:
                value = getattr(thing, name)
            except Exception as problem:
                value = problem
            yield f"{name}={value!r}"
    yield repr(getattr(thing, "__dict__", {}))


def frozen(thing: object) -> bytes:
    """An object's pickle, or the refusal's text."""
    try:
        return b"".join(pickle.dumps(thing, protocol) for protocol in (2, 5))
    except Exception as problem:
        return repr(problem).encode()


def _locals(tb: TracebackType | None, depth: int) -> Iterator[str]:
    while tb is not None:
        for name, value in tb.tb_frame.f_locals.items():
            yield f"{name}={_unfold(value, depth)}"
        tb = tb.tb_next


def _unfold(value: Any, depth: int) -> str:
    """As error trackers do: containers item by item, everything else by its `repr`."""
    if depth and isinstance(value, dict):
        return ", ".join(f"{key!r}: {_unfold(item, depth - 1)}" for key, item in value.items())
    if depth and isinstance(value, (list, tuple, set)):
        return ", ".join(_unfold(item, depth - 1) for item in value)
    return repr(value)


def trouble(error: BaseException) -> Iterator[str | bytes]:
    """Every text that is made of an exception, the locals of its frames included."""
    yield from describe(error)
    yield repr(error.args)
    yield repr(vars(error))
    yield frozen(error)
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    yield from _locals(error.__traceback__, 4)
    if error.__cause__ is not None:
        yield from trouble(error.__cause__)
    if error.__context__ is not None:
        yield from trouble(error.__context__)
