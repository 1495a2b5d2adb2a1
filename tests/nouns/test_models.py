"""Results: frozen, hashable, and at home in everything that Python does with dataclasses."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import pytest

import aigclens
from aigclens import Attempt, Detection, Label


@pytest.fixture
def found(client: aigclens.Client, declared_png: bytes) -> Detection:
    return client.detect(declared_png, data_id="img-1")


def test_the_answer_has_everything(found: Detection) -> None:
    assert [type(one) for one in (found, *found.attempts)] == [Detection, *[Attempt] * 3]
    assert (found.label, found.is_aigc, found.confidence, found.risk_level) == ("aigc", True, 90.0, "high")
    assert [type(one) for one in found.labels] == [Label]
    assert found.labels[0].name == "aigc"
    assert found.labels[0].confidence == 90.0
    assert (found.data_id, found.service, found.engine, found.billing) == (
        "img-1",
        "aigcDetector_global",
        "emulator",
        "billed",
    )
    assert (found.request_id or "").startswith("EMU-")
    assert [(one.operation, one.billing, one.outcome, one.code) for one in found.attempts] == [
        ("DescribeUploadToken", "not_billed", "ok", "200"),
        ("PutObject", "not_billed", "ok", "200"),
        ("ImageModeration", "billed", "ok", "200"),
    ]
    assert found.attempts[-1].request_id == found.request_id
    assert 0 < sum(one.elapsed for one in found.attempts) <= found.elapsed
    assert found.raw["Data"]["DataId"] == "img-1"
    assert found.warnings == ()


def test_it_cannot_be_changed_and_has_no_room_for_more(found: Detection) -> None:
    for one, name in ((found, "label"), (found.labels[0], "name"), (found.attempts[0], "billing")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(one, name, "x")
        assert not hasattr(one, "__dict__")


def test_pickle_copy_replace_hash_and_match(found: Detection) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(found, protocol)) == found
    assert copy.deepcopy(found) == found
    assert {found: 1}[copy.copy(found)] == 1
    changed = dataclasses.replace(found, label="ugc")
    assert (changed.label, changed.raw) == ("ugc", found.raw)
    assert changed != found
    match found:
        case Detection(is_aigc=True, confidence=float(confidence), labels=(Label(name=name), *_)):
            assert (confidence, name) == (90.0, "aigc")
        case _:
            pytest.fail("the pattern does not match")


def test_to_dict_is_plain_json(found: Detection) -> None:
    plain = found.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert list(plain) == [*(field.name for field in dataclasses.fields(Detection)), "disagrees"]
    assert plain["evidence"][0]["source"] == "generator_text" and plain["disagrees"] is False
    assert dataclasses.asdict(found)["labels"][0]["name"] == "aigc"
    assert plain["attempts"][2]["operation"] == "ImageModeration"
    plain["raw"]["Data"].clear()
    assert found.raw["Data"], "the dictionary is a copy"


def test_an_attempt_stands_for_the_paid_call_unless_it_says_otherwise() -> None:
    attempt = Attempt("billed", "ok", "200", "R", None, 0.1)
    assert attempt.operation == "ImageModeration"


def test_repr_is_short_enough_to_read(found: Detection) -> None:
    assert "raw" not in repr(found)
    assert len(repr(found)) < 1500
