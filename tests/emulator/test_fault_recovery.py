"""What a client with retries makes of faults on purpose: what it tries again, what that may cost, what it learns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

import aigclens
from aigclens.testing import Emulator

URL = "https://img.example/cat.png"
BEFORE: Final = "before_billing"
AFTER: Final = "after_billing"


@pytest.fixture
def client(emulator: Emulator) -> Iterator[aigclens.Client]:
    emulator.answer(url=URL, label="ugc")
    with emulator.client(max_retries=2, qps=None) as made:
        yield made


def tried(found: aigclens.Detection | aigclens.AigcError) -> list[str]:
    return [f"{one.operation} {one.outcome} {one.billing}" for one in found.attempts]


CALL: Final = "ImageModeration"
OK = f"{CALL} ok billed"


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ({"stage": BEFORE, "action": "throttle", "retry_after_ms": "1"}, f"{CALL} ThrottledError not_billed"),
        ({"stage": BEFORE, "action": "throttle", "retry_after_ms": "-1"}, f"{CALL} ThrottledError not_billed"),
        ({"stage": BEFORE, "action": "throttle", "shape": "gateway"}, f"{CALL} ThrottledError not_billed"),
        (
            {"stage": BEFORE, "action": "throttle", "shape": "http", "retry_after": "x"},
            f"{CALL} ThrottledError not_billed",
        ),
        ({"stage": BEFORE, "action": "html", "status": 503}, f"{CALL} ServerError not_billed"),
        ({"stage": BEFORE, "action": "refuse", "code": "ServiceUnavailable"}, f"{CALL} ServerError not_billed"),
    ],
)
def test_what_cost_nothing_is_tried_again(
    emulator: Emulator, client: aigclens.Client, rule: dict[str, Any], first: str
) -> None:
    """C01, C02, C03, C04, C10, D05: a hint that is none is no hint, and nothing is charged twice."""
    emulator.fault(times=1, **rule)
    assert tried(client.detect(URL)) == [first, OK]
    emulator.fault(times=2, **rule)
    assert tried(client.detect(URL)) == [first, first, OK]
    assert emulator.ledger().billed == 2


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"stage": AFTER, "action": "fin"}, "AmbiguousOutcomeError"),
        ({"stage": AFTER, "action": "rst"}, "AmbiguousOutcomeError"),
        ({"stage": "mid_body", "action": "fin"}, "AmbiguousOutcomeError"),
        ({"stage": AFTER, "action": "html"}, "ResponseDecodeError"),
        ({"stage": AFTER, "action": "truncate"}, "ResponseDecodeError"),
        ({"stage": AFTER, "action": "nonce_used"}, "NonceUsedError"),
    ],
)
def test_a_doubt_costs_one_further_attempt_at_most(
    emulator: Emulator, client: aigclens.Client, rule: dict[str, Any], error: str
) -> None:
    """A09, E12, E13, F06, F07, F14: each attempt was charged, and the client says that it may have been."""
    doubt = f"{CALL} {error} possibly_billed"
    emulator.fault(times=1, **rule)
    assert tried(client.detect(URL)) == [doubt, OK]
    emulator.fault(**rule)
    with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
        client.detect(URL)
    assert tried(lost.value) == [doubt, doubt]
    with pytest.raises(aigclens.AmbiguousOutcomeError) as lost:
        client.detect(URL, on_ambiguous="raise")
    assert tried(lost.value) == [doubt]
    assert emulator.ledger().billed == 5


def test_what_was_charged_for_certain_is_not_asked_for_again(emulator: Emulator, client: aigclens.Client) -> None:
    """E15: the answer cannot be read, but its code can."""
    emulator.fault(stage=AFTER, action="invalid_utf8")
    with pytest.raises(aigclens.ResponseDecodeError) as lost:
        client.detect(URL)
    assert tried(lost.value) == [f"{CALL} ResponseDecodeError billed"]
    assert emulator.ledger().billed == 1


@pytest.mark.parametrize("action", ["redirect", "expired_token"])
def test_what_would_end_the_same_way_is_not_tried_again(
    emulator: Emulator, client: aigclens.Client, action: Any
) -> None:
    """E22."""
    emulator.fault(stage=BEFORE, action=action, operation=CALL)
    with pytest.raises(aigclens.AigcError) as refused:
        client.detect(URL)
    assert len(refused.value.attempts) == 1
    assert emulator.ledger().billed == 0


@pytest.mark.parametrize(
    "rule",
    [
        {"stage": BEFORE, "action": "status", "status": 500},
        {"stage": BEFORE, "action": "throttle"},
        {"stage": BEFORE, "action": "html"},
        {"stage": "mid_request", "action": "rst"},
        {"stage": AFTER, "action": "fin"},
        {"stage": AFTER, "action": "rst"},
        {"stage": "mid_headers", "action": "fin"},
        {"stage": "mid_body", "action": "fin"},
    ],
)
def test_an_upload_is_made_again_under_the_same_name(
    emulator: Emulator, client: aigclens.Client, png: bytes, rule: dict[str, Any]
) -> None:
    """K05, E12: harmless, since it replaces itself; the page of a captive portal is no success either."""
    emulator.fault(operation="PutObject", times=2, **rule)
    found = client.detect(png)
    puts = [one for one in found.attempts if one.operation == "PutObject"]
    assert [one.outcome == "ok" for one in puts] == [False, False, True]
    assert {one.billing for one in puts} == {"not_billed"}
    paths = [one["path"] for one in emulator.requests() if one["action"] == "PutObject"]
    assert len(paths) == 3
    assert len(set(paths)) == 1
    assert (tried(found)[-1], emulator.ledger().billed) == (OK, 1)


def test_a_stalled_upload_ends_with_its_time(emulator: Emulator) -> None:
    """F21, K09: the storage does not read, so that the image cannot be written; nothing is charged."""
    emulator.fault(stage="mid_request", action="stall", operation="PutObject")
    with emulator.client(max_retries=0, qps=None, timeout=0.5, check_image="off") as client:
        with pytest.raises(aigclens.DetectTimeout) as late:
            client.detect(b"\x89PNG\r\n\x1a\n" + bytes(16 << 20))
    assert late.value.billing == "not_billed"
    assert emulator.ledger().billed == 0


def test_a_damaged_upload_is_made_again_once_and_never_paid_for(
    emulator: Emulator, client: aigclens.Client, png: bytes
) -> None:
    """K06."""
    emulator.fault(stage=AFTER, action="crc", times=1)
    assert tried(client.detect(png))[1:] == [
        "PutObject UploadIntegrityError not_billed",
        "PutObject ok not_billed",
        OK,
    ]
    emulator.fault(stage=AFTER, action="crc")
    with pytest.raises(aigclens.UploadIntegrityError) as damaged:
        client.detect(png)
    assert tried(damaged.value) == ["PutObject UploadIntegrityError not_billed"] * 2
    assert emulator.ledger().billed == 1


def test_an_upload_token_that_expired_early_is_replaced(
    emulator: Emulator, client: aigclens.Client, png: bytes
) -> None:
    """K03: by the storage's word, once."""
    client.detect(png)
    emulator.fault(stage=BEFORE, action="expired_token", operation="PutObject", times=1)
    assert tried(client.detect(png)) == [
        "PutObject UploadError not_billed",
        "DescribeUploadToken ok not_billed",
        "PutObject ok not_billed",
        OK,
    ]
    emulator.fault(stage=BEFORE, action="expired_token", operation="PutObject")
    with pytest.raises(aigclens.UploadError) as refused:
        client.detect(png)
    assert [one.operation for one in refused.value.attempts].count("DescribeUploadToken") == 1


def test_an_image_that_the_storage_lost_is_uploaded_again(
    emulator: Emulator, client: aigclens.Client, png: bytes
) -> None:
    """D06."""
    client.detect(png)
    emulator.fault(stage=BEFORE, action="object_lost", times=1)
    assert tried(client.detect(png)) == [
        "PutObject ok not_billed",
        f"{CALL} ImageDownloadError not_billed",
        "PutObject ok not_billed",
        OK,
    ]
    assert emulator.requests()[-3]["faults"] == [f"{BEFORE}:object_lost"]
    assert emulator.ledger().billed == 2


@pytest.mark.parametrize(("operation", "source"), [("ImageModeration", "url"), ("PutObject", "bytes")])
def test_a_server_whose_clock_is_wrong_is_followed(
    emulator: Emulator, client: aigclens.Client, png: bytes, operation: Any, source: str
) -> None:
    """B02, B13: from its answer's date, for this request and for those that follow."""
    client.detect(png)
    emulator.fault(stage=BEFORE, action="clock", offset=7_200.0, operation=operation)
    image: Any = URL if source == "url" else png
    found = [one for one in client.detect(image).attempts if one.operation == operation]
    assert [one.outcome for one in found] == ["ClockSkewError", "ok"]
    assert [one.outcome for one in client.detect(image).attempts if one.operation == operation] == ["ok"]


def test_credentials_that_expire_and_keys_that_are_switched_off(emulator: Emulator, png: bytes) -> None:
    """A04, A07, A17: told apart, charged never, and a rotated key works while the old one does not."""
    emulator.answer(url=URL, label="ugc")

    def asked(credentials: aigclens.Credentials) -> str:
        options: Any = {"endpoint": emulator.url, "credentials": credentials, "max_retries": 2, "qps": None}
        with aigclens.Client(**options) as client:
            try:
                return str(client.detect(URL).label)
            except aigclens.AigcError as error:
                refused = error
        assert (refused.billing, len(refused.attempts)) == ("not_billed", 1)
        return f"{type(refused).__name__} {refused.code}"

    assert asked(emulator.temporary_credentials()) == "ugc"
    assert asked(emulator.temporary_credentials(lifetime=0)) == "CredentialsExpired InvalidSecurityToken.Expired"
    old = emulator.credentials
    fresh = emulator.set_key("second-key", "second-secret")
    assert asked(fresh) == asked(old) == "ugc"
    emulator.set_key(old.access_key_id, active=False)
    assert asked(old) == "AuthenticationError InvalidAccessKeyId.Inactive"
    assert asked(fresh) == "ugc"
    emulator.set_key("second-key", security_token="token")
    assert asked(fresh) == "AuthenticationError MissingSecurityToken"
    emulator.set_key("second-key", "third-secret", security_token=None)
    assert asked(fresh) == "AuthenticationError SignatureDoesNotMatch"
    entries = emulator.ledger().entries
    assert [entry.access_key_id for entry in entries][1:] == ["second-key", old.access_key_id, "second-key"]
    with pytest.raises(aigclens.ConfigError):
        emulator.set_key("LTAI5tReal", "secret")
    emulator.reset()
    assert asked(fresh) == "AuthenticationError InvalidAccessKeyId.NotFound"


def test_a_connection_that_was_reset_unseen_is_not_used_again(emulator: Emulator, client: aigclens.Client) -> None:
    """F09: what has ended by the time of the next call costs neither an attempt nor a doubt."""
    for _ in range(40):
        emulator.fault(stage="after_body", action="rst", times=1)
        client.detect(URL)
        while emulator.connections()["open"]:
            pass
        emulator.clear_faults()
        assert tried(client.detect(URL)) == [OK]


def test_an_answer_that_nobody_asked_for_is_never_taken_for_the_next(
    emulator: Emulator, client: aigclens.Client
) -> None:
    """E14: a whole answer behind the answer, as a server or something in between might smuggle it in."""
    data = '{"Code":200,"Msg":"OK","RequestId":"X","Data":{"Result":[{"Label":"aigc","Confidence":99}]}}'
    forged = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n{data}"
    emulator.fault(stage="after_body", action="garbage", text=forged)
    for number in range(40):
        found = client.detect(URL, data_id=f"img-{number}")
        assert (found.label, found.data_id) == ("ugc", f"img-{number}")
    assert emulator.ledger().billed == 40
