"""Who signs: credentials given in code, and descriptions of the places that have them.

A description holds no secret: it is frozen, compares by value and pickles, and so does a client that is made with one.
What it describes is read when a call needs it, by the process that makes the call.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeAlias

from aigclens import _native
from aigclens.errors import ConfigError

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
    if isinstance(expiration, datetime):
        if expiration.tzinfo is None:
            raise ConfigError("expiration needs a time zone, as in datetime.now(timezone.utc) + timedelta(hours=1)")
        expiration = expiration.timestamp()
    if expiration is None:
        return None
    if isinstance(expiration, bool) or not isinstance(expiration, int | float) or not 0 < expiration < 1e11:
        raise ConfigError("expiration is a datetime with a time zone, or seconds since the Unix epoch")
    return float(expiration)


@dataclass(frozen=True, slots=True)
class CredentialChain:
    """What a client uses without `credentials=`: the first place that has some, in Alibaba Cloud's own order.

    1. Environment; 2. OIDC role, if its three variables are set; 3. `~/.aliyun/config.json`; 4.
    `~/.alibabacloud/credentials.ini`; 5. ECS instance role; 6. `ALIBABA_CLOUD_CREDENTIALS_URI`. A place that is
    configured and does not work is an error, not a reason to go on to the next.
    """

    def _described(self) -> tuple[Any, ...]:
        return ("chain",)


@dataclass(frozen=True, slots=True)
class EnvironmentCredentials:
    """The environment and nothing else, read at each use.

    `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for temporary ones,
    `ALIBABA_CLOUD_SECURITY_TOKEN`.
    """

    def _described(self) -> tuple[Any, ...]:
        return ("environment",)


@dataclass(frozen=True, slots=True)
class ProfileCredentials:
    """A profile of the `aliyun` command (`config.json`) or a section of `credentials.ini`.

    Args:
        name: The profile; without it `ALIBABA_CLOUD_PROFILE`, else the file's current (`config.json`) or `default` one.
        path: A file of either kind; without it `~/.aliyun/config.json`, then `~/.alibabacloud/credentials.ini`.
    """

    name: str | None = None
    path: str | os.PathLike[str] | None = None

    def _described(self) -> tuple[Any, ...]:
        return ("profile", self.name, None if self.path is None else os.fspath(self.path))


@dataclass(frozen=True, slots=True)
class EcsRole:
    """The role of the ECS instance that this runs on, from its metadata service.

    Args:
        role_name: The role; without it `ALIBABA_CLOUD_ECS_METADATA`, else the one that the service names.
        endpoint: Another host than `100.100.100.200`.
    """

    role_name: str | None = None
    endpoint: str | None = None

    def _described(self) -> tuple[Any, ...]:
        return ("ecs_role", self.role_name, self.endpoint)


@dataclass(frozen=True, slots=True)
class AssumeRole:
    """A RAM role, assumed with other credentials (STS `AssumeRole`).

    Args:
        role_arn: For example `acs:ram::1234567890123456:role/detector`; without it `ALIBABA_CLOUD_ROLE_ARN`.
        source: The credentials to assume it with, anything that `credentials=` takes; the chain without it.
        session_name: A name for the audit trail, 2 to 64 of `A-Z a-z 0-9 . @ - _`.
        duration: Seconds that a session lasts, 900 to 43,200 and no more than the role allows; 3,600 without it.
        policy: A policy (JSON) that narrows what the session may do.
        external_id: What the role's trust policy asks for.
        region: The region whose STS to ask; without it `ALIBABA_CLOUD_STS_REGION`, else the one for all regions.
        vpc: Ask it inside of the VPC; without it `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED`.
        endpoint: Another host of STS.
    """

    role_arn: str | None = None
    source: CredentialsSource | None = None
    session_name: str | None = None
    duration: int | None = None
    policy: str | None = None
    external_id: str | None = None
    region: str | None = None
    vpc: bool | None = None
    endpoint: str | None = None

    def _described(self) -> tuple[Any, ...]:
        return ("assume_role", _role(self, self.external_id), described(self.source))


@dataclass(frozen=True, slots=True)
class OidcRole:
    """A RAM role, assumed with the token of an identity provider (STS `AssumeRoleWithOIDC`): mostly a pod's.

    Args:
        role_arn: The role; without it `ALIBABA_CLOUD_ROLE_ARN`.
        provider_arn: The identity provider; without it `ALIBABA_CLOUD_OIDC_PROVIDER_ARN`.
        token_file: The token's file, read for every session; without it `ALIBABA_CLOUD_OIDC_TOKEN_FILE`.
        session_name: As of `AssumeRole`, and so are the others.
        duration: Seconds that a session lasts.
        policy: A policy (JSON) that narrows what the session may do.
        region: The region whose STS to ask.
        vpc: Ask it inside of the VPC.
        endpoint: Another host of STS.
    """

    role_arn: str | None = None
    provider_arn: str | None = None
    token_file: str | os.PathLike[str] | None = None
    session_name: str | None = None
    duration: int | None = None
    policy: str | None = None
    region: str | None = None
    vpc: bool | None = None
    endpoint: str | None = None

    def _described(self) -> tuple[Any, ...]:
        token_file = None if self.token_file is None else os.fspath(self.token_file)
        return ("oidc", _role(self, None), self.provider_arn, token_file)


@dataclass(frozen=True, slots=True)
class UriCredentials:
    """An address that answers with temporary credentials, as a helper beside a container does.

    Args:
        url: `https`, or `http` to an address of this machine, of its link, or of a private network; without it
            `ALIBABA_CLOUD_CREDENTIALS_URI`.
    """

    url: str | None = None

    def _described(self) -> tuple[Any, ...]:
        return ("uri", self.url)


Provider: TypeAlias = (
    Credentials
    | CredentialChain
    | EnvironmentCredentials
    | ProfileCredentials
    | EcsRole
    | AssumeRole
    | OidcRole
    | UriCredentials
)
CredentialsSource: TypeAlias = Provider | Callable[[], Credentials | Awaitable[Credentials]]
_PROVIDERS = (
    Credentials,
    CredentialChain,
    EnvironmentCredentials,
    ProfileCredentials,
    EcsRole,
    AssumeRole,
    OidcRole,
    UriCredentials,
)


def _role(role: AssumeRole | OidcRole, external_id: str | None) -> dict[str, Any]:
    return {
        "role_arn": role.role_arn,
        "session_name": role.session_name,
        "duration": role.duration,
        "policy": role.policy,
        "external_id": external_id,
        "region": role.region,
        "vpc": role.vpc,
        "endpoint": role.endpoint,
    }


def described(source: CredentialsSource | None) -> tuple[Any, ...]:
    """What the core takes: a word for the kind of source, and its parts."""
    if source is None:
        return ("chain",)
    if isinstance(source, _PROVIDERS):
        return source._described()
    if callable(source) and not isinstance(source, type):
        return ("custom", source)
    what = f"the class {source.__name__}; make one of it" if isinstance(source, type) else type(source).__name__
    # It may be a secret in the wrong wrapping, and a traceback may show this frame's locals.
    del source
    raise ConfigError(
        f"credentials is an aigclens.Credentials, a provider, a function that returns Credentials, or None, not {what}"
    )


def check_pickles(source: CredentialsSource | None, holder: str) -> None:
    """Refuses to pickle a secret, or a function that another process could not import."""
    if isinstance(source, Credentials):
        raise TypeError(f"{holder} holds a secret and does not pickle; {_INSTEAD}")
    if isinstance(source, AssumeRole):
        check_pickles(source.source, holder)
    elif source is not None and not isinstance(source, _PROVIDERS) and not _is_importable(source):
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
    if inspect.isawaitable(given):
        given = asyncio.run(_awaited(given))
    if not isinstance(given, Credentials):
        raise TypeError(f"it returned {type(given).__name__} instead of Credentials")
    return given._parts()


def _supply(function: Callable[[], Any], deliver: Callable[[Any, BaseException | None], None]) -> None:
    """Calls a program's own function on a thread of Python's own, which delivers what it gives or raises.

    A thread that is in the middle of Python code when the interpreter ends is ended by it, which only one without
    foreign frames outlives: one of the core's would take the process with it.
    """

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
    return await asyncio.wait_for(awaitable, _PATIENCE)
