"""What keeps a secret from where it should not go (the locals of a traceback, an emulator), and a text from steering a
terminal.
"""

from __future__ import annotations

import os

# What `typing` calls so, without importing it: type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    # Any dictionary of options, typed or not.
    _Given = TypeVar("_Given", bound=Any)

# What the id of a real access key begins with.
_REAL = "LTAI"
_is_warned = False


def shown(text: str) -> str:
    """A text without what a terminal would act on: control and bidirectional characters, lone surrogates."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


class HiddenUrl(str):
    """A URL that may hold a password. It is a text like any other, but its `repr` shows only scheme and host."""

    __slots__ = ()

    def __repr__(self) -> str:
        scheme, found, rest = self.rpartition("://")
        _, _, host = rest.rpartition("@")
        return repr(f"{scheme}{found}***@{host}" if "@" in rest else f"{scheme}{found}{host}")


def hide(options: _Given) -> _Given:
    """The same options, changed in place, with URLs that do not show: proxy and pace."""
    for name in ("proxy", "pace"):
        if type(options.get(name)) is str:
            options[name] = HiddenUrl(options[name])
    return options


def warn_of_a_real_key(access_key_id: str | None, is_loopback: bool) -> None:
    """Warns, once in a process, where an emulator would be sent what looks like a real access key (N08)."""
    global _is_warned
    if access_key_id is None:
        access_key_id = os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
    if is_loopback and not _is_warned and access_key_id.startswith(_REAL):
        import warnings

        _is_warned = True
        message = (
            "the access key id looks like a real one, and the endpoint is on this machine: an emulator needs no real "
            "key; use Emulator.client() or the key that the emulator printed"
        )
        warnings.warn(message, UserWarning, stacklevel=3)
