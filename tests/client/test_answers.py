"""What the service may answer: a result where it can be read, else an error of the right class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import aigclens
from aigclens.testing import Emulator
from servers import SUCCESS, Answer, RecordingServer

URL = "https://img.example/cat.png"
CREDENTIALS = aigclens.Credentials("testid", "testsecret")


@pytest.fixture(scope="module")
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as running:
        yield running


def ask(server: RecordingServer, body: object, status: int = 200, **headers: str) -> aigclens.Detection:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    server.answer = lambda _: Answer(
        status, content, {name.replace("_", "-"): value for name, value in headers.items()}
    )
    with aigclens.Client(endpoint=server.url, credentials=CREDENTIALS, max_retries=0) as client:
        return client.detect(URL, data_id="img-1")


def refused(server: RecordingServer, body: object, status: int = 200, **headers: str) -> aigclens.AigcError:
    with pytest.raises(aigclens.AigcError) as caught:
        ask(server, body, status, **headers)
    error = caught.value
    assert "\n" not in str(error)
    assert len(str(error)) < 600
    (attempt,) = error.attempts
    assert (attempt.outcome, attempt.billing) == (type(error).__name__, error.billing)
    return error


def answered(*labels: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {"Code": 200, "Msg": "OK", "RequestId": "R-1", "Data": {"Result": list(labels), **data}}


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        (400, aigclens.InvalidParameter, False),
        (401, aigclens.InvalidParameter, False),
        (402, aigclens.InvalidParameter, False),
        (403, aigclens.ThrottledError, True),
        (404, aigclens.ImageDownloadError, True),
        (405, aigclens.ImageDownloadTimeout, True),
        (406, aigclens.ImageTooLarge, False),
        (407, aigclens.UnsupportedImageFormat, False),
        (408, aigclens.AccountNotReady, False),
        (500, aigclens.ServerError, True),
        (418, aigclens.UnknownServiceError, False),
    ],
)
def test_every_business_code_has_its_class_and_costs_nothing(
    server: RecordingServer, code: int, kind: type[aigclens.AigcError], retryable: bool
) -> None:
    """D02 to D12: inside of an HTTP 200, as a number or a text."""
    for written in (code, str(code)):
        error = refused(server, {"Code": written, "Msg": "said so", "RequestId": "R-2"})
        assert type(error) is kind
        assert (error.code, error.http_status, error.request_id) == (str(code), 200, "R-2")
        assert (error.billing, error.retryable) == ("not_billed", retryable)
        assert "said so" in str(error)


@pytest.mark.parametrize(
    ("code", "status", "kind", "billing"),
    [
        ("InvalidAccessKeyId.NotFound", 404, aigclens.AuthenticationError, "not_billed"),
        ("InvalidAccessKeyId.Inactive", 400, aigclens.AuthenticationError, "not_billed"),
        ("SignatureDoesNotMatch", 400, aigclens.AuthenticationError, "not_billed"),
        ("IncompleteSignature", 403, aigclens.AuthenticationError, "not_billed"),
        ("InvalidSecurityToken.Expired", 403, aigclens.CredentialsExpired, "not_billed"),
        ("InvalidSecurityToken.Malformed", 400, aigclens.AuthenticationError, "not_billed"),
        ("InvalidTimeStamp.Expired", 400, aigclens.ClockSkewError, "not_billed"),
        ("SignatureNonceUsed", 400, aigclens.NonceUsedError, "possibly_billed"),
        ("Throttling", 400, aigclens.ThrottledError, "not_billed"),
        ("Throttling.User", 429, aigclens.ThrottledError, "not_billed"),
        ("Forbidden.RAM", 403, aigclens.PermissionDenied, "not_billed"),
        ("NoPermission", 403, aigclens.PermissionDenied, "not_billed"),
        ("InvalidAction.NotFound", 404, aigclens.ConfigError, "not_billed"),
        ("MissingService", 400, aigclens.InvalidParameter, "not_billed"),
        ("InternalError", 500, aigclens.ServerError, "not_billed"),
        ("ServiceUnavailable", 503, aigclens.ServerError, "not_billed"),
        ("SomethingNew", 400, aigclens.UnknownServiceError, "not_billed"),
    ],
)
def test_every_gateway_code_has_its_class(
    server: RecordingServer, code: str, status: int, kind: type[aigclens.AigcError], billing: str
) -> None:
    body = {"Code": code, "Message": "no", "RequestId": "R-3", "HostId": "h", "Recommend": "https://x"}
    error = refused(server, body, status)
    assert type(error) is kind
    assert (error.code, error.http_status, error.request_id, error.billing) == (code, status, "R-3", billing)


def test_the_server_s_string_to_sign_does_not_leak_a_secret(server: RecordingServer) -> None:
    message = "server string to sign is:POST&%2F&AccessKeyId%3Dtestid key testsecret end"
    error = refused(server, {"Code": "SignatureDoesNotMatch", "Message": message, "RequestId": "R"}, 400)
    assert "testsecret" not in str(error)
    assert "testsecret" not in (error.raw or "")


@pytest.mark.parametrize(
    ("label", "is_aigc"),
    [
        ("aigc", True),
        ("risk_aigc", True),
        ("ugc", False),
        ("nonLabel", False),
        ("nonLabel_lib", None),
        ("AIGC", None),
        ("new", None),
    ],
)
def test_labels_are_kept_verbatim(server: RecordingServer, label: str, is_aigc: bool | None) -> None:
    """E06."""
    found = ask(server, answered({"Label": label, "Confidence": 12.5}))
    assert (found.label, found.is_aigc, found.confidence) == (label, is_aigc, 12.5)


@pytest.mark.parametrize(
    ("written", "confidence", "marked"),
    [
        (b"81.88", 81.88, False),
        (b"0", 0.0, False),
        (b"100", 100.0, False),
        (b'"81.88"', 81.88, False),
        (b"null", None, False),
        (b'""', None, None),
        (b"-1", None, True),
        (b"100.01", None, True),
        (b"1e999", None, True),
        (b"NaN", None, True),
        (b"true", None, None),
        (b"[]", None, None),
    ],
)
def test_a_confidence_is_never_invented(
    server: RecordingServer, written: bytes, confidence: float | None, marked: bool | None
) -> None:
    """E04, E05."""
    body = b'{"Code":200,"RequestId":"R","Data":{"Result":[{"Label":"aigc","Confidence":' + written + b"}]}}"
    found = ask(server, body)
    assert (found.label, found.confidence) == ("aigc", confidence)
    if marked is not None:
        assert ("confidence_out_of_range" in found.warnings) == marked


def test_no_confidence_at_all_and_several_labels(server: RecordingServer) -> None:
    """E03, E07."""
    assert ask(server, answered({"Label": "nonLabel"})).confidence is None
    found = ask(
        server,
        answered({"Label": "ugc", "Confidence": 3}, {"Label": "aigc", "Confidence": 60.5, "RiskLevel": "medium"}),
    )
    assert (found.label, found.confidence, found.is_aigc) == ("aigc", 60.5, True)
    assert [label.name for label in found.labels] == ["ugc", "aigc"]
    assert found.labels[1].risk_level == "medium"


def test_no_labels_is_no_verdict(server: RecordingServer) -> None:
    """E02."""
    shapes: list[dict[str, Any]] = [{"Result": []}, {"Result": None}, {}]
    for data in shapes:
        found = ask(server, {"Code": 200, "RequestId": "R", "Data": data})
        assert (found.label, found.is_aigc, found.billing) == (None, None, "billed")
        assert "no_labels" in found.warnings


def test_nothing_is_dropped_and_numbers_stay_as_they_were(server: RecordingServer) -> None:
    """E08 to E11: unknown fields, camel case, large numbers, an escaped emoji."""
    body = (
        b'{"code":200,"requestId":"R","data":{"result":[{"label":"aigc","confidence":81.880001,"novel":{"a":[1,null]}}],'
        b'"accountId":123456789012345678901234567890,"riskLevel":"high","emoji":"\\ud83d\\ude00"},"zzz":1.50}'
    )
    found = ask(server, body)
    assert (found.label, found.confidence, found.risk_level) == ("aigc", 81.880001, "high")
    assert found.raw == json.loads(body)
    assert list(found.raw) == ["code", "requestId", "data", "zzz"]


def test_another_data_id_comes_back(server: RecordingServer) -> None:
    """E10: the result stands, and somebody is told."""
    with pytest.warns(aigclens.MismatchWarning, match="img-2"):
        found = ask(server, answered({"Label": "aigc"}, DataId="img-2"))
    assert (found.data_id, "data_id_mismatch" in found.warnings) == ("img-2", True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>login</html>",
        b"{",
        b"[]",
        b"null",
        b"17",
        b'{"Code":200',
        b'{"Msg":"no code"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_answer_may_have_been_charged(server: RecordingServer, body: bytes) -> None:
    """E12, E13, E15, E17."""
    error = refused(server, body)
    assert isinstance(error, aigclens.ResponseDecodeError)
    assert (error.billing, error.http_status) == ("possibly_billed", 200)


def test_a_success_without_data_is_charged_and_kept(server: RecordingServer) -> None:
    """E01."""
    error = refused(server, {"Code": 200, "RequestId": "R-9", "Data": None})
    assert isinstance(error, aigclens.ResponseSchemaError)
    assert (error.billing, error.request_id) == ("billed", "R-9")
    assert "R-9" in (error.raw or "")


def test_an_answer_too_large_or_packed_is_refused(server: RecordingServer) -> None:
    """E18, E19: at most 1 MiB, and nothing is decompressed."""
    large = json.dumps({**SUCCESS, "padding": "x" * 1024 * 1024}).encode()
    assert refused(server, large).billing == "possibly_billed"
    assert ask(server, json.dumps({**SUCCESS, "padding": "x" * 1_000_000}).encode()).label == "aigc"
    assert refused(server, json.dumps(SUCCESS).encode(), content_encoding="gzip").billing == "possibly_billed"
    assert "accept-encoding" not in {name.lower() for name, _ in server.requests[-1].headers}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_never_followed(server: RecordingServer, status: int) -> None:
    """E22: a signed request must not go where somebody else says."""
    before = len(server.requests)
    error = refused(server, b"", status, location=f"{server.url}/elsewhere")
    assert isinstance(error, aigclens.UnexpectedRedirect)
    assert len(server.requests) == before + 1


def test_bare_http_errors_still_say_something(server: RecordingServer) -> None:
    """C10, E23."""
    for status, kind in [
        (502, aigclens.ServerError),
        (503, aigclens.ServerError),
        (511, aigclens.ServerError),
        (429, aigclens.ThrottledError),
        (401, aigclens.AuthenticationError),
    ]:
        error = refused(server, b"<html>bad</html>", status)
        assert type(error) is kind
        assert error.http_status == status


def test_a_proxy_that_lost_the_answer_leaves_a_doubt(declared_png: bytes) -> None:
    """C10, H01: 502 and 504 are said by something in between, which may have handed the request on."""

    def verdicts(attempts: tuple[aigclens.Attempt, ...]) -> list[str]:
        return [attempt.billing for attempt in attempts if attempt.operation == "ImageModeration"]

    for status in (502, 504):
        with Emulator() as emulator, emulator.client(max_retries=5) as client:
            emulator.fault(stage="after_billing", action="html", status=status, operation="ImageModeration", times=1)
            assert verdicts(client.detect(declared_png).attempts) == ["possibly_billed", "billed"]
            emulator.fault(stage="after_billing", action="html", status=status, operation="ImageModeration")
            with pytest.raises(aigclens.ServerError) as caught:
                client.detect(declared_png)
            assert verdicts(caught.value.attempts) == ["possibly_billed"] * 2
            assert emulator.ledger().billed == 4


def test_a_connection_that_ends_without_an_answer(server: RecordingServer) -> None:
    """F07: the request had been sent."""
    server.answer = lambda _: None
    with aigclens.Client(endpoint=server.url, credentials=CREDENTIALS, max_retries=0) as client:
        with pytest.raises(aigclens.AmbiguousOutcomeError) as caught:
            client.detect(URL)
    assert caught.value.billing == "possibly_billed"
    assert isinstance(caught.value, ConnectionError)


def test_the_form_on_the_wire(server: RecordingServer) -> None:
    """J15: `ServiceParameters` is a JSON text, not an object."""
    ask(server, SUCCESS)
    request = server.requests[-1]
    assert request.method == "POST"
    assert request.target == "/"
    assert request.body == (
        b"Service=aigcDetector_global&ServiceParameters=%7B%22imageUrl%22%3A%22https%3A%2F%2Fimg.example%2Fcat.png%22%2C"
        b"%22dataId%22%3A%22img-1%22%7D"
    )
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert (request.header("x-acs-action"), request.header("x-acs-version")) == ("ImageModeration", "2022-03-02")
    assert (request.header("user-agent") or "").startswith("aigclens/")
    for scheme in ("acs3-hmac-sha256", "hmac-sha1"):
        with aigclens.Client(endpoint=server.url, credentials=CREDENTIALS, max_retries=0, signature=scheme) as client:
            client.detect(URL)
        if scheme == "hmac-sha1":
            assert "Signature=" in server.requests[-1].target
