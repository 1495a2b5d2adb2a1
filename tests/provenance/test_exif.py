"""EXIF fields in every container, and all that is read of EXIF and XMP held against exiftool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aigclens
import declared_files as files
from generator_texts import A1111, GRAPH, ROWS

TEXT = json.dumps({"Label": "1", "ContentProducer": "p", "ReservedCode1": '{"a": "b&c"}'})
SIGNATURE = "Signature: " + "QUJD" * 24
UUID = "2b6e053b-9a65-4ca9-9e13-b6f4465164d4"


def told(image: bytes) -> list[tuple[str, str, str, str]]:
    return [(one.source, one.kind, one.strength, one.detail) for one in aigclens.inspect(image).evidence]


@pytest.mark.parametrize("kind", files.CONTAINERS)
def test_names_of_tools_are_hints(kind: str) -> None:
    for tag, value, name in (
        (files.SOFTWARE, "Ideogram AI", "Ideogram AI"),
        (files.MAKE, "Ideogram AI", "Ideogram AI"),
        (files.SOFTWARE, "reve.com", "Reve"),
        (files.SOFTWARE, "DALL-E 3", "DALL-E"),
    ):
        image = files.with_exif(kind, files.exif({tag: value}))
        assert told(image) == [("exif", "tool", "medium", name)], value
        assert aigclens.inspect(image).declares is None
    for tag, value in (
        (files.SOFTWARE, "Adobe Photoshop 26.1"),
        (files.SOFTWARE, "GIMP 2.10"),
        (files.SOFTWARE, "Canva"),
        (files.MAKE, "NIKON CORPORATION"),
        (files.ARTIST, "Leonardo"),
        (files.DESCRIPTION, "A talk about Stable Diffusion"),
    ):
        assert told(files.with_exif(kind, files.exif({tag: value}))) == [], value


@pytest.mark.parametrize("kind", files.CONTAINERS)
def test_the_pair_of_xai(kind: str) -> None:
    image = files.with_exif(kind, files.exif({files.ARTIST: UUID, files.DESCRIPTION: SIGNATURE}))
    assert [one[:3] for one in told(image)] == [("exif", "generated", "strong")]
    for fields in (
        {files.ARTIST: UUID},
        {files.DESCRIPTION: SIGNATURE},
        {files.ARTIST: "Ann", files.DESCRIPTION: SIGNATURE},
        {files.ARTIST: UUID, files.DESCRIPTION: "Signature: QUJD"},
    ):
        assert told(files.with_exif(kind, files.exif(fields))) == [], fields


# What exiftool calls the fields. Its groups say where one stands: in IFD0, or in IFD1, which is a thumbnail's.
NAMES = {
    "exif:Make": "IFD0:Make",
    "exif:Model": "IFD0:Model",
    "exif:Software": "IFD0:Software",
    "exif:Artist": "IFD0:Artist",
    "exif:ImageDescription": "IFD0:ImageDescription",
    "exif:UserComment": "ExifIFD:UserComment",
    "xmp:DigitalSourceType": "XMP-iptcExt:DigitalSourceType",
    "xmp:Credit": "XMP-photoshop:Credit",
    "xmp:CreatorTool": "XMP-xmp:CreatorTool",
    "xmp:AISystemUsed": "XMP-iptcExt:AISystemUsed",
    "xmp:AISystemVersionUsed": "XMP-iptcExt:AISystemVersionUsed",
    "xmp:AIPromptInformation": "XMP-iptcExt:AIPromptInformation",
    "xmp:AIPromptWriterName": "XMP-iptcExt:AIPromptWriterName",
    "xmp:AIGC": "XMP-TC260:Aigc",
    "xmp:provenance": "XMP-dcterms:Provenance",
}


def plain(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one).strip() for one in values]


XMP = (
    ("Iptc4xmpExt:DigitalSourceType", files.SOURCE_TYPE + "trainedAlgorithmicMedia"),
    ("Iptc4xmpExt:AISystemUsed", "Model A"),
    ("photoshop:Credit", "Made with Google AI"),
    ("xmp:CreatorTool", "Adobe Firefly & more"),
    ("TC260:AIGC", TEXT),
    ("dcterms:provenance", "https://example.com/a"),
)


def corpus(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of all the other tests, with every field that is looked at, in every container."""
    fields = {files.MAKE: "Ideogram AI", files.MODEL: "m 1", files.SOFTWARE: "reve.com", files.ARTIST: UUID}
    for kind in files.XMP_CONTAINERS:
        for name, value in XMP:
            yield f"{kind}-{name.replace(':', '-')}", files.with_xmp(kind, files.attribute(name, value))
    for kind in files.CONTAINERS:
        for number, comment in enumerate(files.comments(A1111).values()):
            yield f"{kind}-exif-{number}", files.with_exif(kind, files.exif(fields, comment))
        yield f"{kind}-pair", files.with_exif(kind, files.exif({files.ARTIST: UUID, files.DESCRIPTION: SIGNATURE}))
        yield f"{kind}-graph", files.with_exif(kind, files.exif({files.MAKE: f"prompt:{json.dumps(GRAPH)}"}))
    for number, (_, texts, _) in enumerate(ROWS):
        yield f"PNG-row-{number}", files.png(texts)
    for suffix, kind in (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"), ("tif", "TIFF"), ("avif", "AVIF")):
        arguments = (
            "-IFD0:Software=Midjourney",
            "-IFD0:Artist=Ann Ä",
            "-ExifIFD:UserComment=grün 模型",
            "-XMP-xmp:CreatorTool=Midjourney",
            "-XMP-iptcExt:DigitalSourceType=" + files.SOURCE_TYPE + "digitalCapture",
        )
        yield f"{kind}-exiftool", files.written(files.saved(files.picture(), kind), suffix, folder, *arguments)
    for package, source in (("sd_parsers==0.6.0", True), ("scikit-image", False), ("scikit-learn", False)):
        archive = files._downloaded(package, source)
        if isinstance(archive, Path):
            for name, data in files.members(archive, (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".webp")):
                yield f"{package}-{Path(name).name}", data
    for file in sorted(files.DECLARED.glob("*")) if files.DECLARED.is_dir() else []:
        yield file.name, file.read_bytes()


# Differences that are right, by field: why.
LISTED: dict[str, str] = {}


def test_every_field_is_what_exiftool_reads(tmp_path: Path) -> None:
    files.needs_exiftool()
    folder, made = tmp_path / "corpus", tmp_path / "made"
    folder.mkdir()
    made.mkdir()
    paths = []
    for number, (name, data) in enumerate(corpus(made)):
        path = folder / f"{number:03}-{name.replace('/', '-')}"
        path.write_bytes(data)
        paths.append(path)
    theirs = by_tool(paths)
    differences, compared = [], 0
    for path in paths:
        mine: dict[str, list[str]] = {}
        for name, value in aigclens.inspect(path).metadata:
            mine.setdefault(name, []).append(value.strip())
        for name, tag in NAMES.items():
            other = plain(theirs[path][tag]) if tag in theirs.get(path, {}) else []
            other = [value[:4095] + "…" if len(value) > 4096 else value for value in other if value]
            compared += bool(other)
            if mine.get(name, []) != other and name not in LISTED:
                differences.append((path.name, name, mine.get(name), other))
    assert differences == []
    assert compared > 60


def by_tool(paths: list[Path]) -> dict[Path, dict[str, Any]]:
    return files.by_exiftool(paths, "-IFD0:all", "-ExifIFD:all", "-XMP:all")
