"""Limits and price are facts with a date, named once, and can be told otherwise."""

from __future__ import annotations

import dataclasses
import io
import pickle
import struct
from decimal import Decimal
from typing import Any

import pytest

import aigclens
import images
from aigclens import ImageLimits
from aigclens.cli import detect as command
from aigclens.price import PRICE_DATE, PRICE_PER_CALL
from aigclens.testing import Emulator
from servers import Answer, Recorded, RecordingServer

MIB = 1024 * 1024
# The edition of mainland China, whose page names 167 million pixels.
CHINA = ImageLimits(max_pixels=167_000_000)


def test_the_documented_limits_are_the_defaults() -> None:
    """I26: those of the international page, so that a client without options refuses what it would refuse."""
    assert dataclasses.astuple(ImageLimits()) == (20 * MIB, 16_384, 250_000_000, 8_191)
    assert "2025-11-24" in (ImageLimits.__doc__ or "")


def test_another_edition_has_other_limits(emulator: Emulator) -> None:
    """I26: refused by the client of one edition, asked about by that of another, in both directions."""
    large = claimed(13_000, 13_000)
    with emulator.client() as client:
        assert client.detect(large).billing == "billed"
    with emulator.client(image_limits=CHINA) as client:
        with pytest.raises(aigclens.ImageTooLarge, match="169000000 pixels") as refused:
            client.detect(large)
        assert refused.value.attempts == ()
    wide = claimed(20_000, 300)
    with emulator.client(image_limits=ImageLimits(max_side=20_000)) as client:
        with pytest.raises(aigclens.ImageTooLarge) as answered:
            client.detect(wide)
        assert answered.value.code == "406", "the client let it pass, and the emulator is of the other edition"
    with emulator.client(image_limits=CHINA, check_image="off") as client:
        assert client.detect(large).billing == "billed"


@pytest.mark.parametrize("kind", [bytes, io.BytesIO])
def test_a_larger_image_goes_up_whole(kind: type) -> None:
    """I26: also from a stream, of which no more is taken than the limit."""
    uploads = []

    def answer(request: Recorded) -> Answer:
        if request.method == "PUT":
            uploads.append(len(request.body))
            return Answer(body=b"")
        if request.header("x-acs-action") == "DescribeUploadToken":
            return Answer(body=token(server.port))
        return Answer()

    image = images.png(300, 300).ljust(21 * MIB, b"\0")
    with RecordingServer(answer) as server:
        credentials = aigclens.Credentials("testid", "testsecret")
        limits = ImageLimits(max_bytes=21 * MIB)
        with aigclens.Client(endpoint=server.url, credentials=credentials, image_limits=limits) as client:
            assert client.detect(kind(image)).label == "aigc"
            with pytest.raises(aigclens.ImageTooLarge):
                client.detect(kind(image + b"\0"))
        with aigclens.Client(endpoint=server.url, credentials=credentials) as client:
            with pytest.raises(aigclens.ImageTooLarge):
                client.detect(kind(image))
    assert uploads == [21 * MIB]


def claimed(width: int, height: int) -> bytes:
    """A small PNG whose header claims other sides: nothing here looks further."""
    small = images.png(1, 1)
    header = images.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return small[:8] + header + small[8 + len(header) :]


def token(port: int) -> bytes:
    return (
        b'{"Code":200,"RequestId":"T","Data":{"AccessKeyId":"STS.u","AccessKeySecret":"s","SecurityToken":"t",'
        b'"BucketName":"bucket","FileNamePrefix":"upload/","Expiration":4102444800,'
        b'"OssInternetEndPoint":"http://127.0.0.1:%d"}}' % port
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_bytes": 0},
        {"max_bytes": 256 * MIB + 1},
        {"max_side": -1},
        {"max_side": 1.5},
        {"max_pixels": True},
        {"max_pixels": 2**63},
        {"heic_max_side": "8192"},
    ],
    ids=repr,
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """I26."""
    with pytest.raises(aigclens.ConfigError, match=next(iter(wrong))):
        ImageLimits(**wrong)


def test_limits_are_part_of_a_client_s_configuration() -> None:
    """I26: they travel with a pickled client, and nothing else is taken for them."""
    client = pickle.loads(pickle.dumps(aigclens.Client(image_limits=CHINA)))
    with pytest.raises(aigclens.ImageTooLarge):
        client.detect(claimed(13_000, 13_000))
    with pytest.raises(aigclens.ConfigError, match="tuple"):
        aigclens.Client(image_limits=(1, 2, 3, 4))  # type: ignore[arg-type]


def test_the_price_is_named_once_with_its_date(emulator: Emulator, png: bytes) -> None:
    """M08: the face, the command, the documentation and the emulator say the same."""
    assert Decimal("0.60") == PRICE_PER_CALL * 1_000
    assert PRICE_DATE == "2025-11-24"
    with emulator.client() as client:
        client.detect(png)
        client.detect(png)
    ledger = emulator.ledger()
    assert (ledger.price_per_call, ledger.total) == (PRICE_PER_CALL, 2 * PRICE_PER_CALL)
    for text in (aigclens.Client.detect.__doc__, command.__doc__):
        assert f"{PRICE_PER_CALL} USD" in (text or "")
    for text in (aigclens.__doc__, aigclens.Detection.__doc__):
        assert f"{PRICE_PER_CALL * 1_000:.2f} USD per 1,000" in (text or "")


def test_another_price_is_reckoned_with(png: bytes) -> None:
    """M08: exactly, also where a float would not be."""
    with Emulator(price_per_call=Decimal("0.000701")) as emulator, emulator.client() as client:
        for _ in range(3):
            client.detect(png)
        assert (emulator.ledger().price_per_call, emulator.ledger().total) == (Decimal("0.000701"), Decimal("0.002103"))
        emulator.reset()
        assert emulator.ledger().price_per_call == Decimal("0.000701")
    for wrong in (Decimal("-1"), Decimal("0.0000001"), Decimal("NaN"), 0.0006):
        with pytest.raises(aigclens.ConfigError, match="price_per_call"):
            Emulator(price_per_call=wrong)  # type: ignore[arg-type]
