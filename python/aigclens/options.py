"""What clients and calls can be told, as types."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from aigclens.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aigclens.credentials import CredentialsSource
    from aigclens.events import Observer
    from aigclens.limits import ImageLimits
    from aigclens.models import EvidenceSource

__all__ = [
    "CallOptions",
    "CheckImage",
    "ClientOptions",
    "OnAmbiguous",
    "Precheck",
    "Signature",
    "UploadSignature",
    "merged",
    "wrong_type",
]

Signature: TypeAlias = Literal["acs3-hmac-sha256", "hmac-sha1"]
UploadSignature: TypeAlias = Literal["v4", "v1"]
CheckImage: TypeAlias = Literal["error", "warn", "off"]
OnAmbiguous: TypeAlias = Literal["retry", "raise"]
Precheck: TypeAlias = Literal["report", "off", "skip_declared"]


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of both clients; `Client` describes them."""

    region: str | None
    endpoint: str | None
    vpc: bool
    failover: Sequence[str]
    credentials: CredentialsSource | None
    signature: Signature
    upload_signature: UploadSignature
    service: str
    connect_timeout: float
    timeout: float
    total_timeout: float
    idle_timeout: float
    max_retries: int
    on_ambiguous: OnAmbiguous
    qps: float | None
    pace: str
    i_have_a_higher_quota: bool
    proxy: str | None
    trust_env: bool
    ca_file: str | os.PathLike[str] | None
    check_image: CheckImage
    image_limits: ImageLimits | None
    allow_private_urls: bool | None
    encode_url: bool
    user_agent: str | None
    precheck: Precheck
    skip_sources: Sequence[EvidenceSource] | None
    on_event: Observer | None


class CallOptions(TypedDict, total=False):
    """What `with_options()` takes: defaults for the arguments of `detect()`, in the order of the core."""

    referer: str | None
    service: str | None
    info_type: str | None
    timeout: float | None
    total_timeout: float | None
    max_retries: int | None
    on_ambiguous: OnAmbiguous | None
    precheck: Precheck | None
    skip_sources: Sequence[EvidenceSource] | None


def merged(
    given: tuple[Any, ...], precheck: Precheck | None, sources: Any, defaults: dict[str, Any], rule: str
) -> tuple[tuple[Any, ...], Precheck | None, Any]:
    """What a call is asked with: what it was given, else the defaults of `with_options()`, else `None`."""
    if sources is not None:
        # Who names them expects to save the call, and must not pay for it unawares.
        rule = precheck or defaults.get("precheck") or rule
        if rule != "skip_declared":
            raise ConfigError(f"skip_sources is for precheck='skip_declared', and it is {rule!r}: nothing is saved")
    names, values = ("data_id", *CallOptions.__annotations__), (*given, precheck, sources)
    *first, precheck, sources = (
        defaults.get(name) if value is None else value for name, value in zip(names, values, strict=True)
    )
    return tuple(first), precheck, sources


def wrong_type(problem: BaseException) -> ConfigError | None:
    """What the core says of an option that is of another type, in the words of who gave it."""
    found = str(problem).partition("Options.")[2] if isinstance(problem, TypeError) else ""
    return ConfigError(f"{found} has a value of the wrong type: {problem.__cause__}") if found else None
