"""Who signs: credentials given in code, and descriptions of the places that have them.

A description holds no secret: it is frozen, compares by value and pickles, and so does a client that is made with one.
What it describes is read when a call needs it, by the process that makes the call.
"""

from __future__ import annotations

import sys

from aigclens import _native
from aigclens.errors import ConfigError

# What `typing` calls so, without importing it: type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from typing import Any, NoReturn

    from aigclens.providers import (
        AssumeRole,
        CredentialChain,
        CredentialsSource,
        EcsRole,
        EnvironmentCredentials,
        OidcRole,
        ProfileCredentials,
        UriCredentials,
    )


__all__ = [
    "AssumeRole",
    "CredentialChain",
    "Credentials",
    "CredentialsSource",
    "EcsRole",
    "EnvironmentCredentials",
    "OidcRole",
    "ProfileCredentials",
    "UriCredentials",
]

# They are read by who names them, such as a program that uses one, or a pickle.
_ELSEWHERE = {*__all__} - {"Credentials"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _ELSEWHERE:
            raise AttributeError(f"module 'aigclens.credentials' has no attribute {name!r}")
        from aigclens import providers

        value: object = getattr(providers, name)
        globals()[name] = value
        return value


# Seconds after which an async function of the program's own is given up, as a plain one is.
_PATIENCE = 5.0
_INSTEAD = (
    "use a provider instead, which each process asks for itself: credentials=None (the chain: environment, profiles, "
    "roles), aigclens.EnvironmentCredentials(), aigclens.ProfileCredentials(...), aigclens.AssumeRole(...), or a "
    "function of a module"
)


class Credentials:
    """An access key pair of Alibaba Cloud, with a security token where it is temporary.

    The secret shows in no `repr`, and such an object does not pickle: a process that needs credentials should read them
    itself, from `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for temporary ones,
    `ALIBABA_CLOUD_SECURITY_TOKEN`.

    Args:
        access_key_id: The id of the access key.
        access_key_secret: Its secret.
        security_token: The token of temporary credentials (STS).
        expiration: When they end: a datetime with a time zone, or seconds since the Unix epoch. A function that returns
            them is asked again before that; without it, after 15 minutes.

    Raises:
        ConfigError: A value is empty, or holds white space or characters that are not ASCII; the expiration is no time.
    """

    __slots__ = ("_access_key_id", "_access_key_secret", "_expiration", "_security_token")

    def __init__(
        self,
        access_key_id: str,
        access_key_secret: str,
        security_token: str | None = None,
        expiration: datetime | float | None = None,
    ) -> None:
        try:
            _native.check_credentials(access_key_id, access_key_secret, security_token)
        except ConfigError:
            # A traceback may show this frame's locals.
            del access_key_id, access_key_secret, security_token
            raise
        self._access_key_id = access_key_id
        self._access_key_secret = access_key_secret
        self._security_token = security_token
        self._expiration = _seconds(expiration)

    @property
    def access_key_id(self) -> str:
        """The id of the access key, which is no secret."""
        return self._access_key_id

    @property
    def expiration(self) -> float | None:
        """When they end, in seconds since the Unix epoch; `None` if nobody said."""
        return self._expiration

    def _parts(self) -> tuple[str, str, str | None, float | None]:
        return (self._access_key_id, self._access_key_secret, self._security_token, self._expiration)

    def _described(self) -> tuple[Any, ...]:
        return ("explicit", self._parts())

    def __repr__(self) -> str:
        if not hasattr(self, "_security_token"):  # They were refused.
            return "<Credentials unfinished>"
        token = "" if self._security_token is None else ", security_token='***'"
        end = "" if self._expiration is None else f", expiration={self._expiration!r}"
        return (
            f"Credentials(access_key_id={_native.redacted_id(self._access_key_id)!r}, "
            f"access_key_secret='***'{token}{end})"
        )

    def __copy__(self) -> Credentials:
        return self

    def __deepcopy__(self, _: object) -> Credentials:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"Credentials hold a secret and do not pickle; {_INSTEAD}")


def _seconds(expiration: datetime | float | None) -> float | None:
    if expiration is None:
        return None
    if not isinstance(expiration, int | float):
        from datetime import datetime

        if isinstance(expiration, datetime):
            if expiration.tzinfo is None:
                raise ConfigError("expiration needs a time zone, as in datetime.now(timezone.utc) + timedelta(hours=1)")
            expiration = expiration.timestamp()
    if isinstance(expiration, bool) or not isinstance(expiration, int | float) or not 0 < expiration < 1e11:
        raise ConfigError("expiration is a datetime with a time zone, or seconds since the Unix epoch")
    return float(expiration)


class Provider:
    """What all descriptions of places have in common."""

    __slots__ = ()

    def _described(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def _check_pickles(self, holder: str) -> None:
        """As `check_pickles`, for one that holds another source."""


def described(source: CredentialsSource | None) -> tuple[Any, ...]:
    """What the core takes: a word for the kind of source, and its parts."""
    if source is None:
        return ("chain",)
    if isinstance(source, Credentials | Provider):
        return source._described()
    if callable(source) and not isinstance(source, type):
        return ("custom", source)
    what = f"the class {source.__name__}; make one of it" if isinstance(source, type) else type(source).__name__
    # It may be a secret in the wrong wrapping, and a traceback may show this frame's locals.
    del source
    raise ConfigError(
        f"credentials is an aigclens.Credentials, a provider, a function that returns Credentials, or None, not {what}"
    )


def known_id(source: CredentialsSource | None) -> str | None:
    """The access key id, where it is known before a call needs it."""
    return source.access_key_id if isinstance(source, Credentials) else None


def check_pickles(source: CredentialsSource | None, holder: str) -> None:
    """Refuses to pickle a secret, or a function that another process could not import."""
    if isinstance(source, Credentials):
        raise TypeError(f"{holder} holds a secret and does not pickle; {_INSTEAD}")
    if isinstance(source, Provider):
        source._check_pickles(holder)
    elif source is not None and not _is_importable(source):
        raise TypeError(f"{holder} has a credentials function that cannot be imported and does not pickle; {_INSTEAD}")


def _is_importable(function: object) -> bool:
    found: object = sys.modules.get(getattr(function, "__module__", None) or "")
    for name in getattr(function, "__qualname__", "<none>").split("."):
        found = getattr(found, name, None)
    return found is function


def _supplied(function: Callable[[], Any]) -> tuple[str, str, str | None, float | None]:
    """Calls a program's own function. Runs on a thread made for it.

    An async function gets an event loop of its own here: the loop of whoever asked may be closed or busy, the waiting
    client has none, and one answer serves calls of several loops.
    """
    given = function()
    if not isinstance(given, Credentials):
        from inspect import isawaitable

        if isawaitable(given):
            import asyncio

            given = asyncio.run(_awaited(given))
    if not isinstance(given, Credentials):
        raise TypeError(f"it returned {type(given).__name__} instead of Credentials")
    return given._parts()


def _supply(function: Callable[[], Any], deliver: Callable[[Any, BaseException | None], None]) -> None:
    """Calls a program's own function on a thread of Python's own, which delivers what it gives or raises.

    A thread that is in the middle of Python code when the interpreter ends is ended by it, which only one without
    foreign frames outlives: one of the core's would take the process with it.
    """
    import threading

    def work() -> None:
        try:
            parts = _supplied(function)
        except BaseException as problem:  # noqa: BLE001
            deliver(None, problem)
        else:
            deliver(parts, None)

    try:
        threading.Thread(target=work, name="aigclens-credentials", daemon=True).start()
    except RuntimeError:  # At exit there are no new threads.
        work()


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    import asyncio

    return await asyncio.wait_for(awaitable, _PATIENCE)
