"""Rows for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from aigclens.models import Label
from aigclens.scanning.rows import ScanRow


def answered(key: str, **other: Any) -> ScanRow:
    """A row of an image that was answered."""
    facts: dict[str, Any] = {
        "key": key,
        "source": f"photos/{key}",
        "ok": True,
        "label": "aigc",
        "is_aigc": True,
        "confidence": 97.25,
        "risk_level": "high",
        "evidence": (),
        "request_id": f"R-{key}",
        "error_code": None,
        "error": None,
        "billing": "billed",
        "cached": False,
        "duplicate_of": None,
        "blake3": "ab" * 32,
        "service": "aigcDetector_global",
        "region": "ap-southeast-1",
        "engine": "service",
        "latency_ms": 812.5,
        "detected_at": "2026-11-24T10:00:00.123Z",
        "labels": (Label("aigc", 97.25),),
        "attempts": 1,
    }
    return ScanRow(**{**facts, **other})


def failed(key: str, **other: Any) -> ScanRow:
    """A row of an image that the service could not download."""
    facts: dict[str, Any] = {
        "ok": False,
        "label": None,
        "is_aigc": None,
        "confidence": None,
        "risk_level": None,
        "error_code": "404",
        "error": "ImageDownloadError: the service could not download the image",
        "billing": "not_billed",
        "engine": None,
        "latency_ms": None,
        "detected_at": None,
        "labels": (),
    }
    return answered(key, **{**facts, **other})


def again(row: ScanRow) -> ScanRow:
    """The same row as a later run has it: out of the store, at no cost."""
    import dataclasses

    return dataclasses.replace(row, cached=True, billing="not_billed")
