"""Refusals that would end the same way: raised at once, free of charge, whatever number of retries is allowed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

import aigclens
from servers import Answer, RecordingServer

URL = "https://img.example/cat.png"
CREDENTIALS = aigclens.Credentials("testid", "testsecret")


@pytest.fixture(scope="module")
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as running:
        yield running


def check(
    server: RecordingServer, body: dict[str, object], status: int, kind: type[aigclens.AigcError], told: str
) -> None:
    server.answer = lambda _: Answer(status, json.dumps({"RequestId": "R-1", **body}).encode())
    options = {"endpoint": server.url, "credentials": CREDENTIALS, "max_retries": 2}

    async def awaited() -> None:
        async with aigclens.AsyncClient(**options) as client:  # type: ignore[arg-type]
            await client.detect(URL)

    def waited() -> None:
        with aigclens.Client(**options) as client:  # type: ignore[arg-type]
            client.detect(URL)

    for ask in (waited, lambda: asyncio.run(awaited())):
        server.requests.clear()
        with pytest.raises(aigclens.AigcError) as caught:
            ask()
        error = caught.value
        assert type(error) is kind
        assert (error.billing, error.retryable, error.code) == ("not_billed", False, str(body["Code"]))
        assert (len(error.attempts), len(server.requests)) == (1, 1), "not tried again"
        assert told in str(error)


def test_an_invalid_parameter(server: RecordingServer) -> None:
    """D03."""
    check(server, {"Code": 401, "Msg": "dataId"}, 200, aigclens.InvalidParameter, "a request parameter is invalid")


def test_a_parameter_of_the_wrong_length(server: RecordingServer) -> None:
    """D04."""
    check(server, {"Code": 402, "Msg": "imageUrl"}, 200, aigclens.InvalidParameter, "wrong length")


def test_a_format_that_the_service_does_not_take(server: RecordingServer) -> None:
    """D09."""
    check(server, {"Code": 407, "Msg": "avif"}, 200, aigclens.UnsupportedImageFormat, "format")


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        ("IncompleteSignature", aigclens.AuthenticationError, "signature"),
        ("MissingAccessKeyId", aigclens.AuthenticationError, "access key"),
        ("MissingSignatureNonce", aigclens.AuthenticationError, "signature"),
        ("MissingTimestamp", aigclens.AuthenticationError, "signature"),
        ("InvalidVersion", aigclens.ConfigError, "endpoint"),
        ("MissingVersion", aigclens.ConfigError, "endpoint"),
        ("InvalidApi.NotFound", aigclens.ConfigError, "endpoint"),
        ("InvalidAction.NotFound", aigclens.ConfigError, "endpoint"),
    ],
)
def test_a_call_that_the_gateway_does_not_understand(
    server: RecordingServer, code: str, kind: type[aigclens.AigcError], told: str
) -> None:
    """A06."""
    check(server, {"Code": code, "Message": "no"}, 400, kind, told)
