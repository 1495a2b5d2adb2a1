"""Verifying C2PA manifests, by the C2PA's own library: `pip install 'aigclens[c2pa]'`.

What an image declares (`aigclens.inspect`) is only read. Here hashes and signatures are checked, by the package
`c2pa-python`. Nothing is fetched for it: no remote manifest, no revocation list, no list of trusted certificates.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import ssl
from collections import deque
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from aigclens.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from aigclens.models import Evidence

__all__ = ["authorities", "required", "verified"]

_MIME = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WebP": "image/webp",
    "HEIC": "image/heic",
    "HEIF": "image/heif",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "SVG": "image/svg+xml",
}

# The failures that mean: these are not the bytes that were signed. By the C2PA Technical Specification 2.2, section
# "Returning Validation Results". Every other failure (certificates, times, unknown codes) is no proof of forgery.
_TAMPERED = frozenset(
    {
        # The image does not match its manifest.
        "assertion.dataHash.mismatch",
        "assertion.bmffHash.mismatch",
        "assertion.boxesHash.mismatch",
        "assertion.boxesHash.unknownBox",
        "assertion.collectionHash.mismatch",
        "assertion.collectionHash.incorrectFileCount",
        # An assertion was changed, taken out or put in.
        "assertion.hashedURI.mismatch",
        "hashedURI.mismatch",
        "assertion.missing",
        "assertion.undeclared",
        # The claim was changed.
        "claimSignature.mismatch",
        # What the image was made from was changed.
        "ingredient.manifest.mismatch",
        "ingredient.hashedURI.mismatch",
        "ingredient.claimSignature.mismatch",
    }
)
_BOUND = frozenset({"assertion.dataHash.match", "assertion.bmffHash.match", "assertion.boxesHash.match"})
_TRUSTED = "signingCredential.trusted"
_SIGNED = "claimSignature.validated"
_INGREDIENT = "ingredient.manifest.validated"
# Nothing of the network: what is not in the file is not known.
_OFFLINE: dict[str, Any] = {
    "version": 1,
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_reading": True, "verify_trust": True},
    "core": {"allowed_network_hosts": []},
}
_LONGEST = 300
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")

# A verdict and its reason.
_Verdict: TypeAlias = "tuple[bool | None, str | None]"


@dataclass(slots=True)
class _Judgement:
    """What was found out about one manifest."""

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)

    def verdict(self, *, active: bool) -> _Verdict:
        tampered = {code: why for code, why in self.failed.items() if code in _TAMPERED}
        if tampered:
            return False, _reason(tampered)
        if self.failed:
            return None, _reason(self.failed)
        bound = bool(self.passed & _BOUND) if active else _INGREDIENT in self.passed
        if not (bound and _SIGNED in self.passed):
            return None, "not all of the signed content could be checked"
        if _TRUSTED not in self.passed:
            return None, "nothing is known of the signer's certificate"
        return True, None


def verified(
    data: bytes, container: str | None, evidence: tuple[Evidence, ...], *, anchors: str | None = None
) -> tuple[Evidence, ...]:
    """The same declarations, those by C2PA manifests with `verified` and `verified_reason`.

    `True` where hashes and signatures hold, from the image itself to the manifest that declares, and every signer on
    the way is trusted. `False` where something does not match what was signed: the image, an assertion, a claim or an
    ingredient. `None` for everything else, with the reason: a certificate that expired or is not trusted is no
    forgery.

    Args:
        data: The image file.
        container: Its format, as `Provenance.format` has it.
        evidence: What was found in it.
        anchors: Certificates of authorities whose signers are trusted, PEM, such as the C2PA's trust list
            (<https://github.com/c2pa-org/conformance-public/tree/main/trust-list>). Without any nobody is trusted, and
            nothing is `True`.

    Raises:
        ConfigError: The package `c2pa-python` is not installed, or refuses the anchors.
    """
    if not any(one.source == "c2pa" for one in evidence):
        return evidence
    verdicts, otherwise = _verdicts(data, container, anchors)

    def judged(one: Evidence) -> Evidence:
        if one.source != "c2pa":
            return one
        verdict, reason = verdicts.get(one.fields.get("manifest", ""), (None, otherwise))
        return dataclasses.replace(one, verified=verdict, verified_reason=reason)

    return tuple(judged(one) for one in evidence)


def required() -> Any:
    """The package `c2pa-python`.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import c2pa  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise ConfigError(
            "C2PA manifests are verified by c2pa-python, which is not installed: pip install 'aigclens[c2pa]'"
        ) from None
    return c2pa


def authorities(trust: str | os.PathLike[str]) -> str:
    """The certificates of a PEM file, without the remarks around them.

    c2pa-python takes a certificate that it cannot read for none, and then trusts nobody. So they are looked at here.

    Raises:
        ConfigError: The file cannot be read, has no certificate in it, or one that is none.
    """
    place = f"trust={os.fspath(trust)!r}"
    try:
        text = Path(trust).read_text(encoding="utf-8", errors="replace")
    except OSError as problem:
        raise ConfigError(f"{place} cannot be read: {problem.strerror}") from None
    except ValueError as problem:
        raise ConfigError(f"{place} cannot be read: {problem}") from None
    found = _CERTIFICATE.findall(text)
    if not found:
        raise ConfigError(f"{place} has no certificate in it; give a PEM file")
    reader = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for number, pem in enumerate(found, 1):
        try:
            reader.load_verify_locations(cadata=pem)
        except (ssl.SSLError, ValueError):
            raise ConfigError(f"{place}: certificate {number} of {len(found)} cannot be read") from None
    return "\n".join(found) + "\n"


def _verdicts(data: bytes, container: str | None, anchors: str | None) -> tuple[dict[str, _Verdict], str]:
    """For each manifest's label what became of it, and the reason for those that are not there."""
    c2pa = required()
    mime = _MIME.get(container or "")
    if mime is None:
        return {}, f"{container or 'this format'} is not verified by c2pa-python"
    trust = {"trust": {"user_anchors": anchors}} if anchors is not None else {}
    try:
        context = c2pa.Context.from_dict({**_OFFLINE, **trust})
    except c2pa.C2paError as error:
        raise ConfigError(f"c2pa-python refuses the trust anchors: {_line(error)}") from None
    try:
        with c2pa.Reader(mime, BytesIO(data), context=context) as reader:
            report = json.loads(reader.json())
    except c2pa.C2paError as error:
        return {}, f"c2pa-python cannot read it: {_line(error)}"
    return _judge(report), "c2pa-python does not report on this manifest"


def _judge(report: dict[str, Any]) -> dict[str, _Verdict]:
    """From a report of c2pa-python to a verdict on each manifest: its own, and that of the way to it."""
    manifests: dict[str, Any] = report.get("manifests") or {}
    active = report.get("active_manifest") or ""
    judgements = _judgements(report, manifests, active)
    verdicts: dict[str, _Verdict] = {}
    queue: deque[tuple[str, _Verdict]] = deque([(active, (True, None))] if active in manifests else [])
    while queue:
        label, above = queue.popleft()
        if label in verdicts:
            continue
        own = judgements.get(label, _Judgement()).verdict(active=label == active)
        verdict = own if own[0] is False or above[0] is True else above
        if verdict == (True, None):
            verdict = (True, _signer(manifests[label]))
        verdicts[label] = verdict
        below = (verdict[0], None if verdict[0] else verdict[1])
        for ingredient in manifests[label].get("ingredients") or ():
            made_from = ingredient.get("active_manifest")
            if made_from in manifests:
                queue.append((made_from, below))
    return verdicts


def _judgements(report: dict[str, Any], manifests: dict[str, Any], active: str) -> dict[str, _Judgement]:
    """What was found out about each manifest: now, and for an ingredient, what its user had found out before.

    The report says of ingredients only what is different from what stands in the manifest that uses them, so that is
    the beginning. It is signed by whoever used them, and a verdict counts no more than theirs.
    """
    found = {label: _Judgement() for label in manifests}
    for manifest in manifests.values():
        for ingredient in manifest.get("ingredients") or ():
            recorded = (ingredient.get("validation_results") or {}).get("activeManifest") or {}
            judgement = found.get(ingredient.get("active_manifest") or "")
            if judgement is not None:
                _note(judgement, recorded)
                for status in ingredient.get("validation_status") or ():
                    judgement.failed.setdefault(*_status(status))
    results = report.get("validation_results") or {}
    now = results.get("activeManifest") or {}
    for kind, status in _each(now if results else {"failure": report.get("validation_status")}):
        named = _label(status.get("url"), manifests) or active
        if named in found:
            _add(found[named], kind, status)
    for delta in results.get("ingredientDeltas") or ():
        using = str(delta.get("ingredientAssertionURI") or "")
        made_from = _ingredient(using, manifests)
        for kind, status in _each(delta.get("validationDeltas") or {}):
            label = _label(status.get("url"), manifests) or made_from
            # What is wrong with the assertion about an ingredient is wrong with the ingredient's connection.
            if label == _label(using, manifests):
                label = made_from
            if label in found:
                _add(found[label], kind, status)
    return found


def _each(results: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in ("success", "failure"):
        for status in results.get(kind) or ():
            yield kind, status


def _note(judgement: _Judgement, results: dict[str, Any]) -> None:
    for kind, status in _each(results):
        _add(judgement, kind, status)


def _add(judgement: _Judgement, kind: str, status: dict[str, Any]) -> None:
    code, why = _status(status)
    if kind == "failure":
        judgement.failed[code] = why
        if code.startswith("signingCredential."):
            judgement.passed.discard(_TRUSTED)
    else:
        judgement.passed.add(code)
        if code == _TRUSTED:
            # Trusted now, whatever was thought of it before.
            judgement.failed.pop("signingCredential.untrusted", None)


def _status(status: dict[str, Any]) -> tuple[str, str]:
    return str(status.get("code") or "unknown"), str(status.get("explanation") or "")


def _label(url: object, labels: Collection[str]) -> str | None:
    """The manifest that a reference names: `self#jumbf=/c2pa/LABEL/...`, or sometimes the bare label."""
    if url in labels:
        return str(url)
    _, _, path = str(url or "").partition("jumbf=")
    root, _, rest = path.lstrip("/").partition("/")
    label = rest.partition("/")[0]
    return label if root == "c2pa" and label in labels else None


def _ingredient(uri: str, manifests: dict[str, Any]) -> str | None:
    """The label of the manifest of the ingredient that this assertion is about."""
    using = _label(uri, manifests)
    assertion = uri.rpartition("/")[2]
    for ingredient in (manifests.get(using) or {}).get("ingredients") or () if using else ():
        if ingredient.get("label") == assertion:
            label = ingredient.get("active_manifest")
            return str(label) if label else None
    return None


def _signer(manifest: dict[str, Any]) -> str | None:
    info = manifest.get("signature_info") or {}
    names = [str(info[name]) for name in ("common_name", "issuer") if info.get(name)]
    return _line("signed by " + ", ".join(names)) if names else None


def _reason(failed: dict[str, str]) -> str:
    return _line("; ".join(f"{code} ({why})" if why else code for code, why in failed.items()))


def _line(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
