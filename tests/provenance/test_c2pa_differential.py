"""The manifests as they are read here, against what the C2PA's own library reads: no difference without a reason."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aigclens
import c2pa_files as files
from aigclens.provenance import Manifest
from aigclens.verification import _OFFLINE


def theirs(data: bytes, mime: str) -> dict[str, Any]:
    context = files.c2pa.Context.from_dict(_OFFLINE)
    with files.c2pa.Reader(mime, io.BytesIO(data), context=context) as reader:
        report: dict[str, Any] = json.loads(reader.detailed_json())
    return report


def _program(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        return " ".join(str(value[name]) for name in ("name", "version") if value.get(name)) or None
    return None if value is None else str(value)


def _facts(label: str, active: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """What both can say of a manifest, from the library's report."""
    store: dict[str, Any] = manifest["assertion_store"]
    actions = [one for name, value in store.items() if name.startswith("c2pa.actions") for one in value["actions"]]
    ingredients = [value for name, value in store.items() if name.startswith("c2pa.ingredient")]
    claim = manifest["claim"]

    def link(one: dict[str, Any]) -> str | None:
        reference = one.get("activeManifest") or one.get("c2pa_manifest")
        url = reference["url"] if isinstance(reference, dict) else reference
        return url.split("/c2pa/")[1].split("/")[0] if url else None

    return {
        "active": label == active,
        "generator": _program(claim.get("claim_generator_info")) or claim.get("claim_generator"),
        "assertions": sorted(store),
        "actions": sorted((one["action"], one.get("digitalSourceType") or "") for one in actions),
        "agents": sorted(_program(one.get("softwareAgent")) or "" for one in actions),
        "ingredients": sorted((one.get("relationship") or "", link(one) or "") for one in ingredients),
        "bindings": sorted(value["alg"] for name, value in store.items() if name.startswith("c2pa.soft-binding")),
    }


def ours(manifest: Manifest) -> dict[str, Any]:
    return {
        "active": manifest.is_active,
        "generator": manifest.claim_generator,
        "assertions": sorted(manifest.assertions),
        "actions": sorted((one.action, one.digital_source_type or "") for one in manifest.actions),
        "agents": sorted(one.software_agent or "" for one in manifest.actions),
        "ingredients": sorted((one.relationship or "", one.manifest or "") for one in manifest.ingredients),
        "bindings": sorted(manifest.soft_bindings),
    }


def differences(data: bytes, mime: str) -> list[str]:
    report = theirs(data, mime)
    expected = {label: _facts(label, report["active_manifest"], one) for label, one in report["manifests"].items()}
    found = {one.label: ours(one) for one in aigclens.inspect(data).manifests}
    lines = []
    for label in sorted(expected.keys() | found.keys()):
        left, right = expected.get(label, {}), found.get(label, {})
        for fact in sorted(left.keys() | right.keys()):
            if left.get(fact) != right.get(fact):
                lines.append(f"{label}: {fact}: the library {left.get(fact)}, here {right.get(fact)}")
    return lines


def _made() -> Iterator[tuple[str, bytes]]:
    rich = files.actions(
        ("c2pa.opened", None),
        ("c2pa.placed", None),
        ("c2pa.edited", files.IPTC + "compositeWithTrainedAlgorithmicMedia"),
    )
    rich["data"]["actions"][2]["softwareAgent"] = {"name": "Brush", "version": "2"}
    marked = {"label": "c2pa.soft-binding", "data": {"alg": "com.digimarc.validate.1", "blocks": []}}
    for format in files.FORMATS:
        made = files.signed(format, files.actions(("c2pa.created", files.AI)))
        used = files.signed(format, files.actions(("c2pa.created", None)), ingredients=((made, format, "inputTo"),))
        yield format, made
        yield format, used
        pair = ((used, format, "parentOf"), (made, format, "componentOf"))
        yield format, files.signed(format, rich, marked, ingredients=pair)


def test_manifests_of_made_files_are_read_as_the_library_reads_them() -> None:
    compared = 0
    for format, data in _made():
        assert differences(data, files.FORMATS[format][0]) == [], format
        compared += 1
    assert compared == 3 * len(files.FORMATS)


@pytest.fixture(scope="module")
def signed_files() -> list[Path]:
    found = files.crate_files()
    if isinstance(found, str):
        pytest.skip(f"the sources of the crate c2pa are not there: {found}")
    return found


@pytest.mark.timeout(180)
def test_signed_files_of_the_crate_are_read_alike_and_declare_no_generation(signed_files: list[Path]) -> None:
    assert len(signed_files) == 32
    for path in signed_files:
        found = aigclens.inspect(path, verify=True)
        assert found.manifests, path.name
        assert [one for one in found.evidence if one.kind in ("generated", "composite")] == [], path.name
        assert all(one.verified is not True for one in found.evidence), path.name
        assert differences(path.read_bytes(), "image/jpeg") == [], path.name


@pytest.mark.parametrize("path", files.declared_files() or [None], ids=lambda path: path.name if path else "none")
def test_real_files_are_read_alike(path: Path | None) -> None:
    if path is None:
        pytest.skip("no real files at hand: AIGCLENS_DECLARED")
    found = aigclens.inspect(path, verify=True)
    assert found.declares == "generated"
    mime = "image/png" if path.suffix == ".png" else "image/jpeg"
    if not found.manifests:
        with pytest.raises(files.c2pa.C2paError, match="ManifestNotFound"):
            files.c2pa.Reader(mime, io.BytesIO(path.read_bytes()))
        return
    assert differences(path.read_bytes(), mime) == []
    for one in found.evidence:
        if one.source == "c2pa":
            assert one.verified is None, one.verified_reason
            assert "signingCredential.untrusted" in (one.verified_reason or "")
