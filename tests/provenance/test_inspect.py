"""`aigclens.inspect`: what it takes, what it gives, and that it asks nobody."""

from __future__ import annotations

import json
import os
import pickle
import socket
import sys
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest

import aigclens
import images
from aigclens.provenance import Action, Evidence, Ingredient, Manifest, Provenance

DECLARED = images.png(8, 8, text={"parameters": images.A1111}, xmp=images.XMP.format("trainedAlgorithmicMedia"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "declared.png"
    file.write_bytes(DECLARED)
    return file


@pytest.mark.usefixtures("_no_credentials_of_this_machine")
def test_every_local_source_gives_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("inspect has nobody to talk to")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(path.parent)
    expected = aigclens.inspect(DECLARED)
    assert (expected.source, expected.format, expected.declares) == ("<bytes>", "PNG", "generated")
    assert [(one.source, one.kind, one.strength) for one in expected.evidence] == [
        ("generator_text", "generated", "strong"),
        ("iptc", "generated", "declared"),
    ]
    for one in expected.evidence:
        assert one.place.startswith("png:")
        assert (one.verified, one.verified_reason) == (None, None)
    sources: list[Any] = [str(path), path, "declared.png", bytearray(DECLARED), memoryview(DECLARED), BytesIO(DECLARED)]
    with path.open("rb") as file:
        for source in [*sources, file]:
            found = aigclens.inspect(source)
            assert found.source in ("<bytes>", str(path), "declared.png")
            assert (found.evidence, found.metadata, found.warnings) == (
                expected.evidence,
                expected.metadata,
                expected.warnings,
            )


def test_what_is_no_local_image_is_refused_in_one_line(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    image = pytest.importorskip("PIL.Image")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for source, error, word in [
        ("https://example.com/cat.png", aigclens.UnsupportedSource, "download"),
        ("oss://bucket/key", aigclens.UnsupportedSource, "download"),
        (aigclens.OssObject("bucket", "key"), aigclens.UnsupportedSource, "download"),
        (numpy.zeros((2, 2, 3), dtype="uint8"), aigclens.UnsupportedSource, "lost the metadata"),
        (image.open(BytesIO(DECLARED)), aigclens.UnsupportedSource, "lost the metadata"),
        (7, aigclens.UnsupportedSource, "int; pass a path, bytes or a binary file$"),
        (None, aigclens.UnsupportedSource, "NoneType; pass a path, bytes or a binary file$"),
        (["a.png"], aigclens.UnsupportedSource, "a list is not one image; inspect them one by one"),
        (StringIO("x"), aigclens.UnsupportedSource, "rb"),
        (str(tmp_path / "nowhere.png"), aigclens.ImageFileNotFound, "no such file"),
        (str(tmp_path), aigclens.ImageFileError, "directory"),
        (fifo, aigclens.ImageFileError, "not a regular file"),
        ("", aigclens.InvalidParameter, "empty"),
        ("a\ud800b", aigclens.InvalidParameter, "Unicode"),
    ]:
        with pytest.raises(error, match=word) as raised:
            aigclens.inspect(source)
        assert "\n" not in str(raised.value)


def test_verifying_wants_its_package_and_its_list_whatever_the_image_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(aigclens.ConfigError, match="trust= is for verify=True"):
        aigclens.inspect(DECLARED, trust=tmp_path / "list.pem")
    pytest.importorskip("c2pa", reason="c2pa-python is not installed")
    for name, content, word in [
        ("gone", None, "No such file"),
        ("empty", b"", "no certificate"),
        ("words", b"hello", "no certificate"),
        ("bytes", bytes(range(256)), "no certificate"),
        ("broken", b"-----BEGIN CERTIFICATE-----\nabcd\n-----END CERTIFICATE-----\n", "cannot be read"),
    ]:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(aigclens.ConfigError, match=word) as raised:
            aigclens.inspect(DECLARED, verify=True, trust=tmp_path / name)
        assert f"trust={str(tmp_path / name)!r}" in str(raised.value)
        assert "\n" not in str(raised.value)
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(aigclens.ConfigError, match=r"pip install 'aigclens\[c2pa\]'"):
        aigclens.inspect(DECLARED, verify=True)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", DECLARED[:50], b"\0" * 100])
def test_bytes_that_are_no_image_declare_nothing(data: bytes) -> None:
    found = aigclens.inspect(data)
    assert (found.declares, found.evidence, found.manifests) == (None, (), ())


def test_a_result_is_a_plain_value(path: Path) -> None:
    found = aigclens.inspect(path)
    assert pickle.loads(pickle.dumps(found)) == found
    assert hash(found) == hash(aigclens.inspect(path))
    plain = json.loads(json.dumps(found.to_dict()))
    assert list(plain) == [
        "source",
        "format",
        "declares",
        "evidence",
        "manifests",
        "metadata",
        "remote_manifest",
        "warnings",
    ]
    assert (plain["declares"], plain["evidence"][0]["fields"]) == ("generated", found.evidence[0].fields)
    with pytest.raises(AttributeError):
        found.source = "x"  # type: ignore[misc]
    match found:
        case Provenance(format="PNG", evidence=(Evidence(kind="generated"), *_)):
            pass
        case _:
            pytest.fail("it does not match")


def test_what_the_declarations_come_to() -> None:
    def of(*kinds: Any) -> Provenance:
        return Provenance("x", "PNG", tuple(Evidence(kind, "iptc", "declared", "x") for kind in kinds))

    assert of("captured", "composite", "generated").declares == "generated"
    assert of("captured", "edited", "composite").declares == "composite"
    assert of("captured", "edited").declares == "edited"
    assert of("tool", "captured").declares == "captured"
    assert of("tool").declares is None
    assert of().declares is None


def test_manifests_are_plain_in_a_dictionary() -> None:
    manifest = Manifest("urn:x", True, "g", ("a",), (Action("c2pa.created"),), (Ingredient("t"),), ("s",))
    plain = Provenance("x", "PNG", manifests=(manifest,), metadata=(("exif:Make", "y"),)).to_dict()
    assert plain["metadata"] == [["exif:Make", "y"]]
    assert plain["manifests"][0]["actions"] == [
        {"action": "c2pa.created", "digital_source_type": None, "software_agent": None}
    ]
    assert json.dumps(plain)


def test_it_needs_no_client_and_no_asyncio(path: Path) -> None:
    import subprocess

    code = (
        "import sys, aigclens; aigclens.inspect(sys.argv[1]);"
        "print(sorted({'asyncio', 'ssl', 'socket', 'aigclens.client'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_field_that_comes_twice_has_all_of_its_values() -> None:
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><e:AISystemUsed><rdf:Bag>'
        "<rdf:li>Model A</rdf:li><rdf:li>Model B</rdf:li></rdf:Bag></e:AISystemUsed></rdf:Description></rdf:RDF>"
        "</x:xmpmeta>"
    )
    (one,) = aigclens.inspect(images.png(8, 8, xmp=xmp)).evidence
    assert one.fields == {"AISystemUsed": "Model A; Model B"}
