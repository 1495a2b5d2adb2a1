"""Signed images, written by the C2PA's own library with certificates that are made here and that nobody trusts."""

from __future__ import annotations

import datetime
import functools
import io
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from declared_files import as_heic

# A test that imports this is skipped where the library is not there.
c2pa: Any = pytest.importorskip("c2pa", reason="c2pa-python is not installed")

ROOT = Path(__file__).resolve().parents[1]
# Containers that the library writes, by the format's name here, and how Pillow calls it.
FORMATS = {
    "JPEG": ("image/jpeg", "JPEG"),
    "PNG": ("image/png", "PNG"),
    "WebP": ("image/webp", "WEBP"),
    "AVIF": ("image/avif", "AVIF"),
    "HEIC": ("image/heic", "AVIF"),
    "TIFF": ("image/tiff", "TIFF"),
    "GIF": ("image/gif", "GIF"),
    "SVG": ("image/svg+xml", None),
}
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
AI = IPTC + "trainedAlgorithmicMedia"
CRATE = "0.90.22"
_DAY = datetime.timedelta(days=1)
_SETTINGS = {"version": 1, "verify": {"verify_after_sign": False}, "builder": {"thumbnail": {"enabled": False}}}


def plain(format: str, size: int = 32) -> bytes:
    """A small image without metadata."""
    kind = FORMATS[format][1]
    if kind is None:
        return b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    file = io.BytesIO()
    image = Image.radial_gradient("L").resize((size, size)).convert("RGB")
    image.save(file, kind)
    return as_heic(file.getvalue()) if format == "HEIC" else file.getvalue()


def _name(common: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common), organisation])


@dataclass(frozen=True)
class Authority:
    """A root that signs certificates for signing claims."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def certify(self, key: ec.EllipticCurvePublicKey, since: int, until: int) -> x509.Certificate:
        """Valid from so many days from now on, until so many."""
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        made = _builder(_name("Signer"), self.certificate.subject, key, now + since * _DAY, now + until * _DAY)
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        made = made.add_extension(_usage(signs=True), critical=True)
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return made.add_extension(issuer, critical=False).sign(self.key, hashes.SHA256())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    since: datetime.datetime,
    until: datetime.datetime,
) -> x509.CertificateBuilder:
    # A serial number that always takes as many bytes.
    serial = (x509.random_serial_number() | 1 << 150) & ((1 << 151) - 1)
    made = x509.CertificateBuilder(issuer, subject, key, serial, since, until)
    return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


@functools.cache
def authority() -> Authority:
    """The same for a whole run."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    made = _builder(_name("Root"), _name("Root"), key.public_key(), now - 900 * _DAY, now + 900 * _DAY)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = made.add_extension(_usage(signs=False), critical=True)
    return Authority(key, made.sign(key, hashes.SHA256()))


@functools.cache
def _signing() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, authority().certify(key.public_key(), -300, 300)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


@functools.cache
def _expired() -> x509.Certificate:
    """For the same key, of the same length, and over since yesterday."""
    key, valid = _signing()
    while True:
        made = authority().certify(key.public_key(), -300, -1)
        if len(_der(made)) == len(_der(valid)):
            return made


def actions(*named: tuple[str, str | None], **more: Any) -> dict[str, Any]:
    """An assertion of actions, with their source types. What is opened is the parent, what is placed a component."""
    made = []
    for name, kind in named:
        about = {"c2pa.opened": "parentOf", "c2pa.placed": "componentOf"}.get(name)
        parameters = {"parameters": {"ingredientIds": [about]}} if about else {}
        made.append({"action": name, **({"digitalSourceType": kind} if kind else {}), **parameters})
    return {"label": "c2pa.actions.v2", "data": {"actions": made, **more}}


def signed(
    format: str,
    *assertions: dict[str, Any],
    data: bytes | None = None,
    ingredients: tuple[tuple[bytes, str, str], ...] = (),
    expired: bool = False,
    **definition: Any,
) -> bytes:
    """An image with a manifest of these assertions; ingredients are an image, its format and its relationship.

    Nobody signs with a certificate that has expired. So the library is given one that is valid, and what it has to sign
    gets the other one instead.
    """
    mime = FORMATS[format][0]
    definition = {"claim_generator_info": [{"name": "Maker", "version": "1.2"}], **definition}
    key, certificate = _signing()
    old, new = _der(certificate), _der(_expired() if expired else certificate)

    def sign(content: bytes) -> bytes:
        assert old in content or not expired
        r, s = decode_dss_signature(key.sign(content.replace(old, new), ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    chain = certificate.public_bytes(serialization.Encoding.PEM).decode() + authority().pem
    context = c2pa.Context.from_dict(_SETTINGS)
    signer = c2pa.Signer.from_callback(sign, c2pa.C2paSigningAlg.ES256, chain)
    out = io.BytesIO()
    with signer, c2pa.Builder(json.dumps({**definition, "assertions": list(assertions)}), context) as builder:
        for image, kind, relationship in ingredients:
            about = {"title": f"{relationship}.{kind.lower()}", "relationship": relationship, "label": relationship}
            builder.add_ingredient(json.dumps(about), FORMATS[kind][0], io.BytesIO(image))
        builder.sign(signer, mime, io.BytesIO(plain(format) if data is None else data), out)
    return out.getvalue().replace(old, new)


def crate_files() -> list[Path] | str:
    """The signed images in the sources of the crate `c2pa`, fetched once; or why they are not there."""
    cargo = shutil.which("cargo")
    if cargo is None:
        return "no cargo"
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    pattern = f"registry/src/*/c2pa-{CRATE}/src/identity/tests/fixtures/**/*.jpg"
    if not any(home.glob(pattern)):
        folder = ROOT / "target" / "c2pa-sources"
        (folder / "src").mkdir(parents=True, exist_ok=True)
        (folder / "src" / "lib.rs").write_text("")
        (folder / "Cargo.toml").write_text(
            '[package]\nname = "sources"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n\n'
            f'[dependencies]\nc2pa = {{ version = "={CRATE}", default-features = false }}\n'
        )
        try:
            run = subprocess.run([cargo, "fetch", "--quiet"], cwd=folder, capture_output=True, text=True, timeout=100)
        except subprocess.TimeoutExpired:
            return "cargo fetch takes too long"
        if run.returncode != 0:
            return f"cargo fetch: {' '.join(run.stderr.split())[:200]}"
    found = sorted(home.glob(pattern))
    return found or "no such files"


def declared_files() -> list[Path]:
    """Real images by generators, where they are at hand: they are not part of the repository."""
    folder = Path(os.environ.get("AIGCLENS_DECLARED") or ROOT.parent / "shared" / "data" / "declared")
    return sorted(one for one in folder.glob("*") if one.suffix in {".png", ".jpg", ".jpeg", ".webp"})
