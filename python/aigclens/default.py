"""Calls without a client: on one of default options, which the process shares."""

from __future__ import annotations

import os

from aigclens.client import AsyncClient, Client

# What `typing` calls so, without importing it: type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from aigclens.models import Detection, EvidenceSource
    from aigclens.options import OnAmbiguous, Precheck
    from aigclens.sources import Source

__all__ = ["adetect", "detect"]

_defaults: dict[tuple[type[Any], str | None], Any] = {}


def _default(kind: type[Any]) -> Any:
    # The endpoint of the environment is part of the key, so that a program may set it late.
    key = (kind, os.environ.get("AIGCLENS_ENDPOINT"))
    client = _defaults.get(key)
    if client is None:
        client = _defaults.setdefault(key, kind())
    return client


def detect(
    source: Source,
    *,
    data_id: str | None = None,
    referer: str | None = None,
    service: str | None = None,
    info_type: str | None = None,
    timeout: float | None = None,
    total_timeout: float | None = None,
    max_retries: int | None = None,
    on_ambiguous: OnAmbiguous | None = None,
    precheck: Precheck | None = None,
    skip_sources: Sequence[EvidenceSource] | None = None,
) -> Detection:
    """`Client.detect` on a client with default options, shared by the process."""
    client: Client = _default(Client)
    return client.detect(
        source,
        data_id=data_id,
        referer=referer,
        service=service,
        info_type=info_type,
        timeout=timeout,
        total_timeout=total_timeout,
        max_retries=max_retries,
        on_ambiguous=on_ambiguous,
        precheck=precheck,
        skip_sources=skip_sources,
    )


async def adetect(
    source: Source,
    *,
    data_id: str | None = None,
    referer: str | None = None,
    service: str | None = None,
    info_type: str | None = None,
    timeout: float | None = None,
    total_timeout: float | None = None,
    max_retries: int | None = None,
    on_ambiguous: OnAmbiguous | None = None,
    precheck: Precheck | None = None,
    skip_sources: Sequence[EvidenceSource] | None = None,
) -> Detection:
    """`AsyncClient.detect` on a client with default options, shared by the process."""
    client: AsyncClient = _default(AsyncClient)
    return await client.detect(
        source,
        data_id=data_id,
        referer=referer,
        service=service,
        info_type=info_type,
        timeout=timeout,
        total_timeout=total_timeout,
        max_retries=max_retries,
        on_ambiguous=on_ambiguous,
        precheck=precheck,
        skip_sources=skip_sources,
    )
