"""What clients and calls can be told, as types."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

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


def wrong_type(problem: BaseException) -> ConfigError | None:
    """What the core says of an option that is of another type, in the words of who gave it."""
    found = str(problem).partition("Options.")[2] if isinstance(problem, TypeError) else ""
    return ConfigError(f"{found} has a value of the wrong type: {problem.__cause__}") if found else None
