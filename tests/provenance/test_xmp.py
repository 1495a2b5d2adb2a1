"""The fields of XMP: the source type, the AI systems, credits and tools, in every container."""

from __future__ import annotations

from pathlib import Path

import pytest

import aigclens
import declared_files as files

MEANINGS = {
    "trainedAlgorithmicMedia": "generated",
    "compositeWithTrainedAlgorithmicMedia": "composite",
    "compositeSynthetic": "composite",
    "humanEdits": "edited",
    "algorithmicallyEnhanced": "edited",
    "digitalCapture": "captured",
    "computationalCapture": "captured",
    "algorithmicMedia": None,
    "dataDrivenMedia": None,
    "trainedAlgorithmicMediaX": None,
}


def told(image: bytes) -> list[tuple[str, str, str, str]]:
    return [(one.source, one.kind, one.strength, one.detail) for one in aigclens.inspect(image).evidence]


@pytest.mark.parametrize("kind", files.XMP_CONTAINERS)
def test_each_source_type_has_its_meaning(kind: str) -> None:
    for word, meaning in MEANINGS.items():
        image = files.with_xmp(kind, files.attribute("Iptc4xmpExt:DigitalSourceType", files.SOURCE_TYPE + word))
        expected = [] if meaning is None else [("iptc", meaning, "declared", word)]
        assert told(image) == expected, word
        assert aigclens.inspect(image).metadata == (("xmp:DigitalSourceType", files.SOURCE_TYPE + word),)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif", "avif"])
def test_what_exiftool_writes_is_read(suffix: str, tmp_path: Path) -> None:
    kind = {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper())
    image = files.written(
        files.saved(files.picture(), kind),
        suffix,
        tmp_path,
        f"-XMP-iptcExt:DigitalSourceType={files.SOURCE_TYPE}trainedAlgorithmicMedia",
        "-XMP-photoshop:Credit=Made with Google AI",
        "-XMP-xmp:CreatorTool=Adobe Photoshop 26.1",
    )
    assert told(image) == [
        ("iptc", "generated", "declared", "trainedAlgorithmicMedia"),
        ("iptc", "tool", "medium", "Google AI"),
    ]
    metadata = dict(aigclens.inspect(image).metadata)
    assert (metadata["xmp:Credit"], metadata["xmp:CreatorTool"]) == ("Made with Google AI", "Adobe Photoshop 26.1")


def test_encodings() -> None:
    text = files.attribute("Iptc4xmpExt:DigitalSourceType", files.SOURCE_TYPE + "trainedAlgorithmicMedia")
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le"):
        image = files.with_xmp("JPEG", text.encode(encoding))
        assert told(image) == [("iptc", "generated", "declared", "trainedAlgorithmicMedia")], encoding


@pytest.mark.parametrize("kind", files.XMP_CONTAINERS)
def test_systems_and_prompts_are_fields_of_the_source_type_or_speak_for_themselves(kind: str) -> None:
    namespace = f'xmlns:e="{files.NAMESPACES["Iptc4xmpExt"]}"'
    systems = (
        f'<rdf:Description {namespace} e:AISystemUsed="Model A" e:AISystemVersionUsed="3">'
        "<e:AIPromptInformation><rdf:Alt><rdf:li xml:lang='x-default'>a cat</rdf:li></rdf:Alt></e:AIPromptInformation>"
        "<e:AIPromptWriterName>Ann</e:AIPromptWriterName></rdf:Description>"
    )
    fields = {
        "AISystemUsed": "Model A",
        "AISystemVersionUsed": "3",
        "AIPromptInformation": "a cat",
        "AIPromptWriterName": "Ann",
    }
    word = f'<rdf:Description {namespace} e:DigitalSourceType="{files.SOURCE_TYPE}trainedAlgorithmicMedia"/>'
    source_type = {"DigitalSourceType": f"{files.SOURCE_TYPE}trainedAlgorithmicMedia"}
    for inside, detail, strength, own in (
        (systems, "Model A", "medium", {}),
        (systems + word, "trainedAlgorithmicMedia", "declared", source_type),
    ):
        (one,) = aigclens.inspect(files.with_xmp(kind, files.packet(inside))).evidence
        assert (one.kind, one.source, one.detail, one.strength) == ("generated", "iptc", detail, strength)
        assert one.fields == {**own, **fields}
    for near in (
        systems.replace(files.NAMESPACES["Iptc4xmpExt"], "urn:x"),
        f'<rdf:Description {namespace} e:AISystem="Model A" e:AIPromptWriterName=""/>',
        f'<rdf:Description {namespace} e:AISystemUsed="" e:AISystemVersionUsed=" "/>',
    ):
        assert told(files.with_xmp(kind, files.packet(near))) == [], near


@pytest.mark.parametrize("kind", files.XMP_CONTAINERS)
@pytest.mark.parametrize(
    ("name", "value", "tool"),
    [
        ("photoshop:Credit", "Made with Google AI", "Google AI"),
        ("photoshop:Credit", "Edited with Google AI", "Google AI"),
        ("photoshop:Credit", "Ann Example/Agency", None),
        ("xmp:CreatorTool", "Adobe Firefly", "Adobe Firefly"),
        ("xmp:CreatorTool", "Adobe Photoshop 26.1 (Windows)", None),
        ("xmp:CreatorTool", "GIMP 2.10", None),
    ],
)
def test_credits_and_tools_are_hints(kind: str, name: str, value: str, tool: str | None) -> None:
    image = files.with_xmp(kind, files.attribute(name, value))
    assert told(image) == ([] if tool is None else [("iptc", "tool", "medium", tool)])
    assert aigclens.inspect(image).declares is None


@pytest.mark.parametrize("kind", files.XMP_CONTAINERS)
def test_where_a_manifest_is_kept_is_told_and_never_fetched(kind: str) -> None:
    found = aigclens.inspect(files.with_xmp(kind, files.attribute("dcterms:provenance", "https://example.com/a?b=1&c")))
    assert found.remote_manifest == "https://example.com/a?b=1&c"
    assert found.metadata == (("xmp:provenance", "https://example.com/a?b=1&c"),)
    assert (
        aigclens.inspect(files.with_xmp(kind, files.attribute("dcterms:provenance", "self#x"))).remote_manifest is None
    )


@pytest.mark.parametrize("kind", files.XMP_CONTAINERS)
def test_near_misses(kind: str) -> None:
    word = files.SOURCE_TYPE + "trainedAlgorithmicMedia"
    other = files.packet(f'<rdf:Description xmlns:Iptc4xmpExt="urn:x" Iptc4xmpExt:DigitalSourceType="{word}"/>')
    comment = files.packet(f"<!-- Iptc4xmpExt:DigitalSourceType {word} -->")
    pantry = files.packet(
        f'<rdf:Description xmlns:m="http://ns.adobe.com/xap/1.0/mm/" xmlns:e="{files.NAMESPACES["Iptc4xmpExt"]}">'
        f'<m:Pantry><rdf:Bag><rdf:li e:DigitalSourceType="{word}"/></rdf:Bag></m:Pantry></rdf:Description>'
    )
    for near in (other, comment, pantry, "", "<", f"DigitalSourceType={word}"):
        assert told(files.with_xmp(kind, near or "x")) == [], near
