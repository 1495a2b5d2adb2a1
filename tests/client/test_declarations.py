"""What an image declares about itself: on the result, enough to save the call, and against the service's verdict."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import aigclens
import images
from aigclens.models import Evidence, EvidenceSource
from aigclens.testing import Emulator
from scan_stage import asked, charged

SKIP: dict[str, Any] = {"precheck": "skip_declared"}
ALL: tuple[EvidenceSource, ...] = ("c2pa", "iptc", "aigc_label", "generator_text", "exif")


def declaring(source_type: str) -> bytes:
    """An image with that digital source type."""
    return images.png(256, 256, xmp=images.XMP.format(source_type))


GENERATED = declaring("trainedAlgorithmicMedia")
COMPOSITE = declaring("compositeWithTrainedAlgorithmicMedia")
CAPTURED = declaring("digitalCapture")
EDITED = declaring("humanEdits")
BOTH = images.png(256, 256, text={"parameters": images.A1111}, xmp=images.XMP.format("digitalCapture"))


def test_a_declaration_is_reported_beside_the_verdict(
    emulator: Emulator, client: aigclens.Client, png: bytes, declared_png: bytes
) -> None:
    found = client.detect(declared_png)
    (one,) = found.evidence
    assert isinstance(one, Evidence)
    assert (one.kind, one.source, one.strength, one.verified) == ("generated", "generator_text", "strong", None)
    assert one.place.startswith("png:tEXt@")
    assert (found.engine, found.billing, found.disagrees) == ("emulator", "billed", False)
    assert client.detect(png).evidence == ()
    assert client.detect(declared_png, precheck="off").evidence == ()
    assert charged(emulator) == 3


def test_a_declaration_that_is_enough_saves_the_call(emulator: Emulator, client: aigclens.Client) -> None:
    found = client.detect(GENERATED, data_id="img-1", **SKIP)
    assert (found.label, found.is_aigc, found.confidence, found.risk_level) == ("aigc", True, None, None)
    assert (found.engine, found.billing, found.attempts, found.labels) == ("provenance", "not_billed", (), ())
    assert (found.data_id, found.service, found.region, found.request_id) == (
        "img-1",
        "aigcDetector_global",
        None,
        None,
    )
    assert (found.raw, found.disagrees) == ({}, False)
    assert [one.source for one in found.evidence] == ["iptc"]
    assert emulator.requests() == [], "neither a token, nor an upload, nor a call"
    assert emulator.ledger().billed == 0


@pytest.mark.parametrize(
    "image",
    [COMPOSITE, CAPTURED, EDITED, images.png(256, 256, text={"parameters": "exposure: 1/60"})],
    ids=["composite", "captured", "edited", "a common word"],
)
def test_nothing_else_saves_it(emulator: Emulator, client: aigclens.Client, image: bytes) -> None:
    """Neither parts that were generated, nor what is no declaration at all."""
    assert client.detect(image, skip_sources=ALL, **SKIP).engine == "emulator"
    assert charged(emulator) == 1


def test_a_url_is_asked_about(emulator: Emulator, client: aigclens.Client) -> None:
    emulator.answer(url="https://img.example/a.png", label="aigc")
    assert client.detect("https://img.example/a.png", **SKIP).evidence == ()
    assert charged(emulator) == 1


@pytest.mark.parametrize(("image", "source"), [(GENERATED, "iptc"), (BOTH, "generator_text")])
def test_only_sources_that_are_named_are_believed(
    emulator: Emulator, client: aigclens.Client, image: bytes, source: str
) -> None:
    others = [one for one in ALL if one != source]
    assert client.detect(image, skip_sources=others, **SKIP).engine == "emulator"
    for named in (source, [source], (source, "c2pa"), None):
        given: Any = named
        assert client.detect(image, skip_sources=given, **SKIP).engine == "provenance"
    assert charged(emulator) == 1


def test_clients_and_copies_have_it_as_their_default(emulator: Emulator) -> None:
    with emulator.client(precheck="skip_declared", skip_sources=["iptc"]) as client:
        for asking in (client, client.with_options(timeout=9)):
            assert asking.detect(GENERATED).engine == "provenance"
            assert asking.detect(BOTH).engine == "emulator"
        assert client.with_options(precheck="report").detect(GENERATED).engine == "emulator"
        assert client.with_options(skip_sources=["c2pa"]).detect(GENERATED).engine == "emulator"
        assert client.with_options(skip_sources=["c2pa"]).detect(GENERATED, skip_sources=["iptc"]).attempts == ()
    one: Any = "iptc"
    with emulator.client(precheck="skip_declared", skip_sources=one) as client:
        assert client.detect(GENERATED).engine == "provenance"
    with aigclens.Client(endpoint=emulator.url, precheck="skip_declared", skip_sources=["c2pa"]) as client:
        with pickle.loads(pickle.dumps(client.with_options(skip_sources=["iptc"]))) as again:
            assert again.detect(GENERATED).engine == "provenance"


@pytest.mark.usefixtures("aigclens_emulator")
async def test_the_other_doors_have_it_too(tmp_path: Path, aigclens_emulator: Emulator) -> None:
    path = tmp_path / "generated.png"
    path.write_bytes(GENERATED)
    assert aigclens.detect(path, **SKIP).engine == "provenance"
    assert (await aigclens.adetect(path, skip_sources=["iptc"], **SKIP)).engine == "provenance"
    async with aigclens.AsyncClient(precheck="skip_declared") as client:
        assert (await client.detect(GENERATED)).evidence[0].source == "iptc"
        assert (await client.detect(GENERATED, skip_sources=["c2pa"])).engine == "emulator"
        assert (await client.detect(GENERATED, precheck="report")).evidence[0].source == "iptc"
        rows = [row async for row in client.detect_many([GENERATED, CAPTURED], ordered=True)]
    assert [row.engine for row in rows] == ["provenance", "emulator"]
    assert charged(aigclens_emulator) == 3


def test_many_images_have_it_too(emulator: Emulator) -> None:
    with emulator.client(precheck="skip_declared") as client:
        rows = list(client.detect_many([GENERATED, CAPTURED, GENERATED], ordered=True))
    assert [(row.engine, row.billing) for row in rows] == [
        ("provenance", "not_billed"),
        ("emulator", "billed"),
        ("provenance", "not_billed"),
    ]
    assert asked(emulator) == 1


def test_a_saved_call_needs_no_account_and_no_network() -> None:
    """Nobody has credentials here, and nothing answers there."""
    with aigclens.Client(endpoint="http://127.0.0.1:9", precheck="skip_declared") as client:
        assert client.detect(GENERATED).engine == "provenance"
        with pytest.raises(aigclens.CredentialsError):
            client.detect(CAPTURED)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precheck": "skip"}, "'report', 'skip_declared' or 'off'"),
        ({"skip_sources": ["synthid"], **SKIP}, "not 'synthid'"),
        ({"skip_sources": "xmp", **SKIP}, "not 'xmp'"),
        ({"skip_sources": [], **SKIP}, "at least one"),
    ],
)
def test_a_wrong_word_is_refused(emulator: Emulator, client: aigclens.Client, options: Any, said: str) -> None:
    for wrong in (
        lambda: client.detect(GENERATED, **options),
        lambda: client.with_options(**options).detect(GENERATED),
        lambda: emulator.client(**options),
        lambda: client.scan([GENERATED], **options),
        lambda: aigclens.estimate([GENERATED], client=client, **options),
    ):
        with pytest.raises(aigclens.ConfigError, match=said):
            wrong()
    assert emulator.requests() == []


@pytest.mark.parametrize("options", [{"precheck": 1}, {"skip_sources": 5}, {"skip_sources": [5]}])
def test_a_wrong_type_is_refused(client: aigclens.Client, options: Any) -> None:
    with pytest.raises((TypeError, aigclens.ConfigError)):
        client.detect(GENERATED, **options)


@pytest.mark.parametrize(
    ("image", "verdict", "disagrees"),
    [
        (GENERATED, "nonLabel", True),
        (GENERATED, "ugc", True),
        (GENERATED, "aigc", False),
        (GENERATED, "aigc_v2", False),
        (BOTH, "nonLabel", True),
        (BOTH, "aigc", False),
        (COMPOSITE, "aigc", False),
        (COMPOSITE, "nonLabel", False),
        (CAPTURED, "aigc", True),
        (CAPTURED, "risk_aigc", True),
        (CAPTURED, "ugc", False),
        (CAPTURED, "other", False),
        (EDITED, "aigc", True),
        (EDITED, "nonLabel", False),
        (images.png(256, 256), "aigc", False),
        (images.png(256, 256), "nonLabel", False),
    ],
)
def test_where_declaration_and_verdict_contradict_each_other(
    emulator: Emulator, client: aigclens.Client, image: bytes, verdict: str, disagrees: bool
) -> None:
    """In both directions, and nowhere else; a row of a scan says the same."""
    emulator.settings(judge={"label": verdict, "confidence": 80.0})
    found = client.detect(image)
    assert found.disagrees is disagrees
    (row,) = client.scan([image])
    assert (row.disagrees, row.label) == (disagrees, verdict)
    assert client.detect(image, precheck="off").disagrees is False


def test_who_names_sources_does_not_pay_unawares(emulator: Emulator, client: aigclens.Client, tmp_path: Path) -> None:
    named: dict[str, Any] = {"skip_sources": ["iptc"]}
    for ask in (
        lambda: client.detect(GENERATED, **named),
        lambda: client.detect(GENERATED, precheck="off", **named),
        lambda: client.with_options(precheck="report").detect(GENERATED, **named),
        lambda: client.scan([GENERATED], **named),
        lambda: aigclens.estimate([GENERATED], client=client, **named),
    ):
        with pytest.raises(aigclens.ConfigError, match="skip_sources is for precheck='skip_declared', and it is '"):
            ask()
    assert charged(emulator) == 0
    skipping = client.with_options(**SKIP)
    assert skipping.detect(GENERATED, **named).engine == "provenance"
    # As a default it waits for the calls that skip.
    assert client.with_options(**named).detect(GENERATED).engine == "emulator"


def test_what_is_no_list_of_sources_is_a_config_error(client: aigclens.Client) -> None:
    for wrong in (5, object()):
        with pytest.raises(aigclens.ConfigError, match="skip_sources takes names, not "):
            client.detect(GENERATED, skip_sources=wrong, **SKIP)  # type: ignore[arg-type]
        with pytest.raises(aigclens.ConfigError, match="skip_sources takes names, not "):
            aigclens.Client.local(skip_sources=wrong, **SKIP)  # type: ignore[arg-type]


def test_it_pickles_compares_hashes_and_is_plain_json(client: aigclens.Client) -> None:
    for found in (client.detect(GENERATED), client.detect(GENERATED, **SKIP)):
        for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
            assert (other, hash(other), other.evidence) == (found, hash(found), found.evidence)
        plain = found.to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert plain["evidence"][0]["kind"] == "generated"
        assert plain["disagrees"] is found.disagrees
