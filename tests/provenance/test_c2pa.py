"""What C2PA manifests declare, in every container that the C2PA's own library writes, and whether they hold."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

import aigclens
import c2pa_files as files
from aigclens.models import Evidence
from aigclens.verification import _judge, verified

FORMATS = sorted(files.FORMATS)
GENERATED = files.actions(("c2pa.created", files.AI))
PHOTO = files.actions(("c2pa.created", files.IPTC + "digitalCapture"))
FILLED = files.actions(("c2pa.opened", None), ("c2pa.edited", files.IPTC + "compositeWithTrainedAlgorithmicMedia"))
CROPPED = files.actions(("c2pa.opened", None), ("c2pa.cropped", None))


def c2pa(data: bytes, *, verify: bool = False) -> list[Evidence]:
    return [one for one in aigclens.inspect(data, verify=verify).evidence if one.source == "c2pa"]


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_declared_is_found_in_every_container(format: str) -> None:
    (one,) = c2pa(files.signed(format, GENERATED))
    assert (one.kind, one.strength, one.detail) == ("generated", "declared", "trainedAlgorithmicMedia")
    container, _, inside = one.place.partition(":")
    assert container == ("heif" if format in ("AVIF", "HEIC") else format.lower())
    assert inside.endswith(f"/{one.fields['manifest']}/c2pa.actions.v2")
    assert one.fields["claim_generator"] == "Maker 1.2"
    assert one.fields["digitalSourceType"] == files.AI
    assert (one.fields["active"], one.fields["action"]) == ("true", "c2pa.created")
    assert aigclens.inspect(files.signed(format, PHOTO)).declares == "captured"
    assert aigclens.inspect(files.signed(format, files.actions(("c2pa.created", None)))).declares is None
    found = aigclens.inspect(files.plain(format))
    assert (found.evidence, found.manifests, found.warnings) == ((), (), ())


@pytest.mark.parametrize("format", FORMATS)
def test_ingredients_count_by_their_relationship_in_every_container(format: str) -> None:
    made, photo = files.signed(format, GENERATED), files.signed(format, PHOTO)
    edited = aigclens.inspect(files.signed(format, CROPPED, ingredients=((made, format, "parentOf"),)))
    assert edited.declares == "generated", "as in ChatGPT's files: only the parent was made by a model"
    assert [one.is_active for one in edited.manifests] == [False, True]
    assert edited.manifests[1].ingredients[0].manifest == edited.manifests[0].label
    assert edited.evidence[0].fields["relationship"] == "parentOf"
    placed = files.actions(("c2pa.opened", None), ("c2pa.placed", None))
    pair = ((photo, format, "parentOf"), (made, format, "componentOf"))
    assert aigclens.inspect(files.signed(format, placed, ingredients=pair)).declares == "composite"
    used = files.actions(("c2pa.created", None))
    assert (
        aigclens.inspect(files.signed(format, used, ingredients=((made, format, "inputTo"),))).declares == "composite"
    )
    filled = aigclens.inspect(files.signed(format, FILLED, ingredients=((photo, format, "parentOf"),)))
    assert {one.kind for one in filled.evidence} == {"captured", "composite"}


def test_an_ingredient_in_another_format() -> None:
    parent = files.signed("PNG", GENERATED)
    found = aigclens.inspect(files.signed("JPEG", CROPPED, ingredients=((parent, "PNG", "parentOf"),)))
    assert found.declares == "generated"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("assertion", "declares"),
    [
        ({"label": "c2pa.ai_generated_content", "data": {"ai_generated": True, "model": "x"}}, "generated"),
        ({"label": "c2pa.ai_generated_content", "data": {"ai_generated": False, "model": "x"}}, None),
        ({"label": "c2pa.soft-binding", "data": {"alg": "com.google.synthid", "blocks": []}}, None),
        ({"label": "org.example.note", "data": {"about": files.AI, "digitalSourceType": files.AI}}, None),
        (files.actions(("c2pa.created", files.IPTC + "algorithmicMedia")), None),
        (files.actions(("c2pa.created", None), description=files.AI), None),
    ],
    ids=["made", "not-made", "watermark", "words", "algorithmic", "description"],
)
def test_near_misses_declare_nothing(assertion: dict[str, Any], declares: str | None, format: str) -> None:
    plain = () if "actions" in assertion["label"] else (files.actions(("c2pa.created", None)),)
    found = aigclens.inspect(files.signed(format, *plain, assertion, title=f"made by {files.AI}"))
    assert found.declares == declares
    assert len(found.manifests) == 1


def test_bare_words_in_a_file_are_no_manifest() -> None:
    words = b"c2pa jumb jumd c2pa.actions c2pa.created " + files.AI.encode()
    for format in FORMATS:
        found = aigclens.inspect(files.plain(format) + words)
        assert (found.evidence, found.manifests) == ((), ())


def test_soft_bindings_are_named_beside_the_declaration() -> None:
    marked = {"label": "c2pa.soft-binding", "data": {"alg": "com.adobe.trustmark.P", "blocks": []}}
    found = aigclens.inspect(files.signed("PNG", GENERATED, marked))
    assert found.manifests[0].soft_bindings == ("com.adobe.trustmark.P",)
    assert found.evidence[0].fields["soft_binding"] == "com.adobe.trustmark.P (Adobe)"


# What holds.


def judged(data: bytes, format: str, *, trusted: bool = True) -> list[tuple[bool | None, str]]:
    found = aigclens.inspect(data).evidence
    anchors = files.authority().pem if trusted else None
    return [(one.verified, one.verified_reason or "") for one in verified(data, format, found, anchors=anchors)]


@pytest.mark.parametrize("format", FORMATS)
def test_an_untouched_file_holds_for_whom_its_signer_is_trusted(format: str) -> None:
    data = files.signed(format, GENERATED)
    assert judged(data, format) == [(True, "signed by Signer, Tests")]
    ((verdict, reason),) = judged(data, format, trusted=False)
    assert verdict is None
    assert reason.startswith("signingCredential.untrusted")
    (one,) = c2pa(data, verify=True)
    assert (one.verified, one.verified_reason) == (None, reason)


@pytest.mark.parametrize("format", FORMATS)
def test_one_changed_byte_of_the_picture_is_seen(format: str) -> None:
    parent = files.signed(format, GENERATED)
    for data in (parent, files.signed(format, CROPPED, ingredients=((parent, format, "parentOf"),))):
        changed = _changed(data, format)
        assert aigclens.inspect(changed).declares == "generated", "it still declares what it declares"
        for trusted in (True, False):
            ((verdict, reason),) = judged(changed, format, trusted=trusted)
            assert verdict is False, reason
            assert ".mismatch" in reason
            assert "untrusted" not in reason
        (one,) = c2pa(changed, verify=True)
        assert one.verified is False


def _changed(data: bytes, format: str) -> bytes:
    """A byte of the pixels is another one; of an SVG a number."""
    if format == "SVG":
        return data.replace(b'<rect width="9"', b'<rect width="8"')
    spot = files.plain(format)
    pixels = spot[len(spot) // 2 : len(spot) // 2 + 24]
    at = data.rindex(pixels) if pixels in data else len(data) - 16
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_changed_word_of_a_manifest_is_seen() -> None:
    made = files.signed("PNG", GENERATED)
    for old, new, code in (
        (b"c2pa.created", b"c2pa.drawing", "assertion.hashedURI.mismatch"),
        (b"Maker", b"Baker", "claimSignature.mismatch"),
    ):
        ((verdict, reason),) = judged(made.replace(old, new), "PNG")
        assert verdict is False
        assert reason.startswith(code)


def test_an_ingredient_that_was_changed_is_no_longer_what_was_used() -> None:
    made, photo = files.signed("PNG", GENERATED), files.signed("PNG", PHOTO)
    placed = files.actions(("c2pa.opened", None), ("c2pa.placed", None))
    pair = ((photo, "PNG", "parentOf"), (made, "PNG", "componentOf"))
    data = files.signed("PNG", placed, ingredients=pair)

    def verdicts(data: bytes) -> dict[str, bool | None]:
        found = verified(data, "PNG", aigclens.inspect(data).evidence, anchors=files.authority().pem)
        return {one.kind: one.verified for one in found}

    assert verdicts(data) == {"captured": True, "composite": True}
    # Another action of the component alone, the parent as it was.
    source = data.index(b"trainedAlgorithmicMedia")
    at = data.rindex(b"c2pa.created", source - 120, source)
    assert verdicts(data[:at] + b"c2pa.drawing" + data[at + 12 :]) == {"captured": True, "composite": False}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WebP", "AVIF", "HEIC", "TIFF"])
def test_a_certificate_that_expired_is_no_forgery(format: str) -> None:
    data = files.signed(format, GENERATED, expired=True)
    for trusted in (True, False):
        ((verdict, reason),) = judged(data, format, trusted=trusted)
        assert verdict is None
        assert "signingCredential.expired" in reason
    assert judged(_changed(data, format), format)[0][0] is False, "a change is seen all the same"


def test_what_the_library_cannot_read_has_a_reason() -> None:
    data = files.signed("PNG", GENERATED)
    found = aigclens.inspect(data).evidence
    for format, other, words in (
        ("BMP", data, "BMP is not verified"),
        (None, data, "this format is not verified"),
        ("PNG", files.plain("PNG"), "cannot read it"),
        ("SVG", b"<svg", "cannot read it"),
        ("PNG", files.signed("PNG", GENERATED), "does not report on this manifest"),
    ):
        (one,) = verified(other, format, found)
        assert one.verified is None
        assert words in (one.verified_reason or "")
        assert "\n" not in (one.verified_reason or "")


def test_only_declarations_by_manifests_are_judged_and_nothing_is_asked_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nobody is asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    text = Evidence("generated", "iptc", "declared", "trainedAlgorithmicMedia")
    assert verified(b"", "PNG", (text,)) == (text,)
    data = files.signed("PNG", GENERATED)
    both = verified(data, "PNG", (text, *aigclens.inspect(data).evidence), anchors=files.authority().pem)
    assert [one.verified for one in both] == [None, True]
    with pytest.raises(aigclens.ConfigError, match="trust anchors"):
        verified(data, "PNG", aigclens.inspect(data).evidence, anchors="no certificate")


def test_a_list_of_authorities_may_have_remarks_in_any_language(tmp_path: Path) -> None:
    (tmp_path / "list.pem").write_text("# Société d'exemple, 例\n" + files.authority().pem, encoding="utf-8")
    (one,) = aigclens.inspect(files.signed("PNG", GENERATED), verify=True, trust=tmp_path / "list.pem").evidence
    assert one.verified is True


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = files.signed("PNG", GENERATED)
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert aigclens.inspect(data).declares == "generated", "reading needs no package"
    with pytest.raises(aigclens.ConfigError, match=r"pip install 'aigclens\[c2pa\]'"):
        aigclens.inspect(data, verify=True)
    with pytest.raises(aigclens.ConfigError, match="not installed"):
        aigclens.inspect(files.plain("PNG"), verify=True)


# Reports that no library writes at will.


def report(*failures: str, deltas: tuple[str, ...] = (), recorded: tuple[str, ...] = ()) -> dict[str, Any]:
    """A file `a` of the parent `b`, all of it trusted, but for these failures."""

    def status(code: str, label: str) -> dict[str, str]:
        return {"code": code, "url": f"self#jumbf=/c2pa/{label}/c2pa.signature", "explanation": ""}

    good = ("claimSignature.validated", "assertion.dataHash.match", "signingCredential.trusted")
    before = {
        "success": [status(code, "b") for code in good],
        "failure": [status(code, "b") for code in recorded],
    }
    parent = {"label": "c2pa.ingredient.v3", "active_manifest": "b", "validation_results": {"activeManifest": before}}
    now = {"success": [status(code, "a") for code in good], "failure": [status(code, "a") for code in failures]}
    delta = {
        "ingredientAssertionURI": "self#jumbf=/c2pa/a/c2pa.assertions/c2pa.ingredient.v3",
        "validationDeltas": {
            "success": [status("ingredient.manifest.validated", "b")],
            "failure": [status(code, "b") for code in deltas],
        },
    }
    return {
        "active_manifest": "a",
        "manifests": {"a": {"ingredients": [parent]}, "b": {"ingredients": [{"active_manifest": "a"}]}},
        "validation_results": {"activeManifest": now, "ingredientDeltas": [delta]},
    }


@pytest.mark.parametrize(
    ("made", "active", "ingredient"),
    [
        (report(), True, True),
        (report("signingCredential.expired"), None, None),
        (report("signingCredential.ocsp.revoked"), None, None),
        (report("some.code.of.tomorrow"), None, None),
        (report("cawg.ica.did_unavailable"), None, None),
        (report("claimSignature.mismatch", "signingCredential.untrusted"), False, False),
        (report("assertion.missing"), False, False),
        (report(deltas=("ingredient.manifest.mismatch",)), True, False),
        (report(deltas=("claimSignature.mismatch",)), True, False),
        (report(deltas=("signingCredential.untrusted",)), True, None),
        (report("signingCredential.untrusted", deltas=("assertion.hashedURI.mismatch",)), None, False),
        (report(recorded=("assertion.dataHash.mismatch",)), True, False),
        (report(recorded=("signingCredential.expired",)), True, None),
    ],
)
def test_which_codes_mean_what_and_for_which_manifest(
    made: dict[str, Any], active: bool | None, ingredient: bool | None
) -> None:
    verdicts = _judge(json.loads(json.dumps(made)))
    assert {label: verdict for label, (verdict, _) in verdicts.items()} == {"a": active, "b": ingredient}
    for verdict, reason in verdicts.values():
        assert verdict is True or reason


def test_a_report_that_is_no_report_is_no_verdict() -> None:
    odd: list[dict[str, Any]] = [{}, {"manifests": {"a": {}}}, {"active_manifest": "x", "manifests": {}}]
    for one in odd:
        assert _judge(one) == {}
    assert _judge({"active_manifest": "a", "manifests": {"a": {}}})["a"][0] is None
