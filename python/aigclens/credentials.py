"""Credentials given in code. Without them a client reads the environment at each use."""

from __future__ import annotations

from typing import NoReturn

from aigclens import _native
from aigclens.errors import ConfigError

__all__ = ["Credentials"]


class Credentials:
    """An access key pair of Alibaba Cloud, with a security token where it is temporary.

    The secret shows in no `repr`, and such an object does not pickle: a process that needs credentials should read them
    itself, from `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for temporary ones,
    `ALIBABA_CLOUD_SECURITY_TOKEN`.

    Args:
        access_key_id: The id of the access key.
        access_key_secret: Its secret.
        security_token: The token of temporary credentials (STS).

    Raises:
        ConfigError: A value is empty, or holds white space or characters that are not ASCII.
    """

    __slots__ = ("_access_key_id", "_access_key_secret", "_security_token")

    def __init__(self, access_key_id: str, access_key_secret: str, security_token: str | None = None) -> None:
        try:
            _native.check_credentials(access_key_id, access_key_secret, security_token)
        except ConfigError:
            # A traceback may show this frame's locals.
            del access_key_id, access_key_secret, security_token
            raise
        self._access_key_id = access_key_id
        self._access_key_secret = access_key_secret
        self._security_token = security_token

    @property
    def access_key_id(self) -> str:
        """The id of the access key, which is no secret."""
        return self._access_key_id

    def _parts(self) -> tuple[str, str, str | None]:
        return (self._access_key_id, self._access_key_secret, self._security_token)

    def __repr__(self) -> str:
        if not hasattr(self, "_security_token"):  # They were refused.
            return "<Credentials unfinished>"
        token = "" if self._security_token is None else ", security_token='***'"
        return (
            f"Credentials(access_key_id={_native.redacted_id(self._access_key_id)!r}, access_key_secret='***'{token})"
        )

    def __copy__(self) -> Credentials:
        return self

    def __deepcopy__(self, _: object) -> Credentials:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "Credentials hold a secret and do not pickle; let the other process read them from its environment "
            "(ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET)"
        )
