"""The files of `make bench-provenance`: photographs of real sizes with realistic shares of metadata, by seed."""

from __future__ import annotations

import datetime
import io
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image
from PIL.PngImagePlugin import PngInfo

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SIDES = [(480, 360), (640, 480), (1024, 768), (1024, 1024), (1280, 960), (1600, 1200)]
# In parts of a hundred: what a folder of a site or an archive looks like.
FORMATS = {"JPEG": 60, "PNG": 22, "WEBP": 12, "TIFF": 3, "GIF": 3}
KINDS = {"none": 50, "camera": 22, "iptc": 6, "label": 5, "generator": 9, "c2pa": 8}
MIME = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "TIFF": "image/tiff", "GIF": "image/gif"}
ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tif", "GIF": "gif"}
PROMPT = "a lighthouse on a cliff at dusk, long exposure, volumetric light, " * 4
A1111 = (
    f"{PROMPT}\nNegative prompt: blurry, low quality\n"
    "Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1234567, Size: 1024x1024, "
    "Model hash: 31e35c80fc, Model: sdxl"
)
NODES = {
    str(at): {
        "class_type": kind,
        "inputs": {"seed": at, "steps": 20, "cfg": 7.0, "text": PROMPT, "model": [str(at + 1), 0]},
    }
    for at, kind in enumerate(
        ["KSampler", "CLIPTextEncode", "CLIPTextEncode", "CheckpointLoaderSimple", "SaveImage"] * 3
    )
}


def scene(chance: random.Random, size: tuple[int, int]) -> Image.Image:
    """Gradients with grain: compresses like a photograph, and no two are alike."""
    small = (max(size[0] // 2, 1), max(size[1] // 2, 1))

    def channel() -> Image.Image:
        grain = Image.frombytes("L", small, chance.randbytes(small[0] * small[1])).resize(size)
        slope = Image.linear_gradient("L").rotate(chance.randrange(4) * 90).resize(size)
        return Image.blend(slope, grain, chance.uniform(0.05, 0.25))

    return Image.merge("RGB", [channel() for _ in range(3)])


def packet(attributes: str) -> bytes:
    return (
        "<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
        "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' "
        "xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' "
        "xmlns:Iptc4xmpExt='http://iptc.org/std/Iptc4xmpExt/2008-02-29/' "
        "xmlns:TC260='http://www.tc260.org.cn/ns/AIGC/1.0/' xmp:CreatorTool='Adobe Photoshop 26.1 (Windows)' "
        f"photoshop:Credit='an agency' {attributes}/></rdf:RDF></x:xmpmeta>{' ' * 2000}<?xpacket end='w'?>"
    ).encode()


def camera(chance: random.Random) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", f"EOS R{chance.randrange(3, 9)}"
    exif[0x0131], exif[0x013B] = "Firmware 1.8.1", "A Photographer"
    exif[0x0132] = "2026:05:01 12:00:00"
    detail = exif.get_ifd(0x8769)
    detail[0x829A], detail[0x829D], detail[0x8827] = 0.004, 5.6, 200
    detail[0x9003], detail[0xA434] = "2026:05:01 12:00:00", "RF24-105mm F4 L IS USM"
    # The maker's own note is what makes a camera's EXIF long.
    detail[0x927C] = chance.randbytes(8000)
    return exif


def commented(text: str) -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode("utf-16-be")
    return exif


def with_metadata(kind: str, form: str, chance: random.Random) -> dict[str, Any]:
    """What Pillow is told when it saves."""
    if form == "GIF":
        return {}
    if kind == "camera":
        return {"exif": camera(chance)}
    if kind == "iptc":
        words = ["trainedAlgorithmicMedia", "digitalCapture", "compositeWithTrainedAlgorithmicMedia"]
        return _xmp(form, packet(f"Iptc4xmpExt:DigitalSourceType='{IPTC}{chance.choice(words)}'"))
    label = json.dumps({"Label": "1", "ContentProducer": "001191110000000000000000000000", "ProduceID": "1"})
    if kind == "label" and form == "PNG":
        return _texts({"AIGC": label})
    if kind == "label":
        escaped = label.replace('"', "&quot;")
        return _xmp(form, packet(f"TC260:AIGC='{escaped}'"))
    if kind == "generator" and form == "PNG":
        workflow = {"nodes": [{"id": at, "type": node["class_type"]} for at, node in NODES.items()], "links": []}
        comfy = {"prompt": json.dumps(NODES), "workflow": json.dumps(workflow)}
        return _texts(chance.choice([{"parameters": A1111}, comfy]))
    if kind == "generator" and form != "TIFF":
        return {"exif": commented(A1111)}
    return {}


def _texts(texts: dict[str, str]) -> dict[str, Any]:
    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    return {"pnginfo": info}


def _xmp(form: str, xmp: bytes) -> dict[str, Any]:
    if form == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return {"pnginfo": info}
    return {"tiffinfo": {700: xmp}} if form == "TIFF" else {"xmp": xmp}


def _signer() -> c2pa.Signer:
    """Of a certificate that nobody trusts: what is measured is reading."""
    start, end = datetime.datetime(2026, 1, 1), datetime.datetime(2046, 1, 1)

    def name(common: str) -> x509.Name:
        parts = [(NameOID.ORGANIZATION_NAME, "a bench"), (NameOID.COMMON_NAME, common)]
        return x509.Name([x509.NameAttribute(*part) for part in parts])

    def usage(is_root: bool) -> x509.KeyUsage:
        return x509.KeyUsage(not is_root, False, False, False, False, is_root, is_root, False, False)

    def certificate(common: str, key: ec.EllipticCurvePrivateKey, serial: int) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(name(common)).issuer_name(name("root"))
        builder = builder.public_key(key.public_key()).serial_number(serial)
        builder = builder.not_valid_before(start).not_valid_after(end)
        builder = builder.add_extension(x509.BasicConstraints(common == "root", None), critical=True)
        builder = builder.add_extension(usage(common == "root"), critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return builder.add_extension(identifier, critical=False)

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    signed = certificate("leaf", leaf, 2).add_extension(issuer, critical=False).add_extension(purpose, critical=False)
    chain = [signed.sign(root, hashes.SHA256()), certificate("root", root, 1).sign(root, hashes.SHA256())]
    pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    plain = serialization.NoEncryption()
    key = leaf.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(alg=b"es256", sign_cert=pem, private_key=key, ta_url=None))


def sign(signer: c2pa.Signer, image: bytes, mime: str) -> bytes:
    action = {"action": "c2pa.created", "digitalSourceType": IPTC + "trainedAlgorithmicMedia"}
    manifest = {
        "claim_generator_info": [{"name": "a bench", "version": "1"}],
        "title": "x",
        "format": mime,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }
    signed = io.BytesIO()
    c2pa.Builder(manifest).sign(signer, mime, io.BytesIO(image), signed)
    return signed.getvalue()


def _save(scene: Image.Image, form: str, quality: int, more: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    if form in {"PNG", "TIFF", "GIF"}:
        # What these formats are used for is smaller than photographs: the sizes stay real.
        scene = scene.resize((max(scene.width * quality // 170, 64), max(scene.height * quality // 170, 64)))
    kinds: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality},
        "PNG": {"compress_level": 1},
        "WEBP": {"quality": quality, "method": 0},
        "TIFF": {"compression": "tiff_lzw"},
        "GIF": {},
    }
    scene.save(out, form, **kinds[form], **more)
    return out.getvalue()


def make(folder: Path, files: int, seed: int, say: Callable[[str], None]) -> list[Path]:
    """So many files, the same for the same seed but for keys and certificates."""
    signer = _signer()
    scenes = [scene(random.Random(seed * 1000 + at), SIDES[at % len(SIDES)]) for at in range(max(files // 8, 6))]
    say(f"{len(scenes)} scenes")

    def one(at: int) -> Path:
        chance = random.Random(seed * 1_000_000 + at)
        form = chance.choices(list(FORMATS), list(FORMATS.values()))[0]
        kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
        image = _save(scenes[at % len(scenes)], form, chance.randrange(60, 96), with_metadata(kind, form, chance))
        if kind == "c2pa":
            image = sign(signer, image, MIME[form])
        path = folder / f"{at:05}-{kind}.{ENDINGS[form]}"
        path.write_bytes(image)
        return path

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, range(files)))
