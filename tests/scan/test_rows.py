"""The one schema of a scan's rows."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import Any

import pytest

from aigclens.models import Label
from aigclens.scanning.rows import COLUMNS, ScanRow

DOCUMENTED = (
    "key, source, ok, label, is_aigc, confidence, risk_level, evidence, disagrees, request_id, error_code, error, "
    "billing, cached, duplicate_of, blake3, service, region, engine, latency_ms, detected_at"
)
POSITIONAL: tuple[Any, ...] = (
    "a/b.png", "photos/a/b.png", True, "aigc", True, 97.25, "high", ("iptc:generated:trainedAlgorithmicMedia",), "R-1",
    None, None, "billed", False, None, "ab" * 32, "aigcDetector_global", "ap-southeast-1", "service", 812.5,
    "2026-11-24T10:00:00.123Z", (Label("aigc", 97.25),), ("small_image",), b'{"Code": 200}', 2,
)  # fmt: skip


def test_the_columns_are_the_documented_ones_in_order() -> None:
    assert ", ".join(COLUMNS) == DOCUMENTED
    names = [part.name for part in dataclasses.fields(ScanRow)]
    assert names[:20] == [name for name in COLUMNS if name != "disagrees"]
    assert names[20:] == ["labels", "warnings", "body", "attempts", "extra"]
    described = inspect.getdoc(ScanRow) or ""
    assert all(f"\n    {name}: " in described for name in (*names, *COLUMNS))


def test_a_row_is_made_by_position() -> None:
    parts: tuple[Any, ...] = (*POSITIONAL, {"split": "train"})
    row = ScanRow(*parts)
    assert (row.labels, row.warnings, row.body, row.attempts) == POSITIONAL[20:]
    assert row.extra == {"split": "train"}
    assert ScanRow(*POSITIONAL).extra is None
    assert row.raw == {"Code": 200}
    for unreadable in (None, b"", b"[1]", b"\xff"):
        assert dataclasses.replace(row, body=unreadable).raw is None


def test_a_row_pickles_compares_and_hashes() -> None:
    row = dataclasses.replace(ScanRow(*POSITIONAL), extra={"split": "train"})
    for other in (pickle.loads(pickle.dumps(row)), copy.deepcopy(row)):
        assert (other, hash(other)) == (row, hash(row))
    assert dataclasses.replace(row, cached=True) != row
    assert "Code" not in repr(row), "an answer's body is long"
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.key = "b"  # type: ignore[misc]
    assert not hasattr(row, "__dict__")


def test_to_dict_has_the_columns_and_then_the_extras() -> None:
    extra = {"split": "train", "label": "mine", "key": 7, "input_key": 8}
    facts = dataclasses.replace(ScanRow(*POSITIONAL), extra=extra).to_dict()
    assert tuple(facts)[: len(COLUMNS)] == COLUMNS
    assert list(facts.values())[:7] == list(POSITIONAL[:7])
    assert facts["evidence"] == ["iptc:generated:trainedAlgorithmicMedia"]
    assert facts["disagrees"] is False
    assert {name: facts[name] for name in list(facts)[len(COLUMNS) :]} == {
        "split": "train",
        "input_label": "mine",
        "input_input_key": 7,
        "input_key": 8,
    }
