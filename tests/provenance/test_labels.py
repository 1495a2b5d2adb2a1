"""The label of GB 45438-2025, in its five carriers and in every container that can hold them."""

from __future__ import annotations

import json

import pytest

import aigclens
import declared_files as files

PRODUCER = "001191110102MACQD9K64010000"
LABEL = {"Label": "1", "ContentProducer": PRODUCER, "ProduceID": "p-1", "ReservedCode1": '{"a":"b"}'}
TEXT = json.dumps(LABEL)
PLACES = {"AVIF": "heif:", "HEIC": "heif:"}


def label(image: bytes) -> aigclens.Evidence:
    found = [one for one in aigclens.inspect(image).evidence if one.source == "aigc_label"]
    assert len(found) == 1, found
    assert found[0].kind == "generated"
    return found[0]


def none(image: bytes) -> None:
    assert [one for one in aigclens.inspect(image).evidence if one.source == "aigc_label"] == []


def is_whole(image: bytes, place: str) -> None:
    found = label(image)
    assert (found.detail, found.strength) == ("generated", "declared")
    assert {name: found.fields[name] for name in LABEL} == LABEL
    assert found.fields["producer_code"] == "91110102MACQD9K640"
    assert found.place.startswith(place)


@pytest.mark.parametrize("kind", files.XMP_CONTAINERS)
def test_in_xmp_as_an_attribute_and_as_an_element_encoded_once_or_twice(kind: str) -> None:
    is_whole(files.with_xmp(kind, files.attribute("TC260:AIGC", TEXT)), PLACES.get(kind, kind.lower()))
    once = TEXT.replace("&", "&amp;").replace('"', "&quot;")
    twice = once.replace("&", "&amp;")
    for value in (once, twice, f"<![CDATA[{TEXT}]]>"):
        element = f"<rdf:Description xmlns:x='{files.NAMESPACES['TC260']}'><x:AIGC>{value}</x:AIGC></rdf:Description>"
        found = label(files.with_xmp(kind, files.packet(element)))
        assert found.fields["ContentProducer"] == PRODUCER
        assert found.place.endswith("/TC260:AIGC")
    none(files.with_xmp(kind, files.attribute("photoshop:Credit", TEXT)))
    none(files.with_xmp(kind, files.attribute("TC260:AIGC", '{"title": "AIGC"}')))


@pytest.mark.parametrize("kind", files.TEXTS)
def test_in_a_text_of_a_png(kind: str) -> None:
    is_whole(files.png({"AIGC": TEXT}, kind), "png:")
    for wrapped in (json.dumps({"AIGC": LABEL}), json.dumps({"AIGC": TEXT}), TEXT + " and more", TEXT.lower()):
        assert label(files.png({"AIGC": wrapped}, kind)).fields
    for near in ("yes", "{}", '{"title": "AIGC"}', TEXT[:-1]):
        none(files.png({"AIGC": near}, kind))
    none(files.png({"Title": TEXT}, kind))


def test_in_a_chunk_and_in_a_segment_of_their_own() -> None:
    plain_png, plain_jpeg = files.png({}), files.saved(files.picture(), "JPEG")
    is_whole(files.chunk(plain_png, b"AIGC", TEXT.encode()), "png:AIGC@")
    is_whole(files.segment(plain_jpeg, 0xE9, b"AIGC" + TEXT.encode()), "jpeg:APP")
    none(files.chunk(plain_png, b"aiGc", TEXT.encode()))
    none(files.segment(plain_jpeg, 0xE9, b"AIGC is a word"))
    none(files.segment(plain_jpeg, 0xE9, b"XIGC" + TEXT.encode()))


@pytest.mark.parametrize("kind", files.CONTAINERS)
def test_in_the_comment_of_exif(kind: str) -> None:
    for name, comment in files.comments(json.dumps({"AIGC": LABEL})).items():
        image = files.with_exif(kind, files.exif({}, comment))
        found = label(image)
        assert (found.fields["ProduceID"], found.place.endswith("/UserComment")) == ("p-1", True), name
    for near in ('{"label": "AIGC"}', "AIGC", '{"AIGC": "yes"}'):
        none(files.with_exif(kind, files.exif({}, b"ASCII\0\0\0" + near.encode())))


@pytest.mark.parametrize("kind", files.CONTAINERS)
def test_in_the_description_as_one_service_writes_it(kind: str) -> None:
    service = json.dumps({"ServiceProvider": "tencent", "ServiceUser": "u", "Time": 1})
    found = label(files.with_exif(kind, files.exif({files.DESCRIPTION: service})))
    assert (found.detail, found.fields["ServiceProvider"], found.fields["Time"]) == ("labelled", "tencent", "1")
    none(files.with_exif(kind, files.exif({files.DESCRIPTION: '{"ServiceProvider": "tencent"}'})))


@pytest.mark.parametrize(
    ("value", "detail", "strength"),
    [
        ("1", "generated", "declared"),
        (1, "generated", "declared"),
        ("2", "possibly generated", "medium"),
        (3, "suspected", "weak"),
        ("AIGC", "AIGC", "declared"),
        ("", "labelled", "declared"),
    ],
)
def test_what_the_label_says(value: str | int, detail: str, strength: str) -> None:
    found = label(files.png({"AIGC": json.dumps({"Label": value, "ProduceID": "p"})}))
    assert (found.detail, found.strength) == (detail, strength)
    # Only what is said without a reservation saves a call.
    assert found.fields["Label"] == str(value)
