"""Trying again, over real HTTP: what is tried again, what it costs, and what the caller may say about it."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import pickle
from collections.abc import Iterator

import pytest

import aigclens
from aigclens.testing import Emulator
from servers import Answer, RecordingServer

URL = "https://example.com/cat.png"


@pytest.fixture
def client(emulator: Emulator) -> Iterator[aigclens.Client]:
    with emulator.client(max_retries=2) as made:
        yield made


def test_trouble_that_passes_is_tried_again(emulator: Emulator, client: aigclens.Client, png: bytes) -> None:
    """D05, D11: in both doors."""
    client.detect(png)
    emulator.answer(data_id="busy", code=500, times=2)
    found = client.detect(png, data_id="busy")
    assert found.attempts[0].operation == "PutObject"
    found = dataclasses.replace(found, attempts=found.attempts[1:])
    assert [one.outcome for one in found.attempts] == ["ServerError", "ServerError", "ok"]
    assert [one.billing for one in found.attempts] == ["not_billed", "not_billed", "billed"]
    assert len({one.request_id for one in found.attempts}) == 3

    async def once() -> aigclens.Detection:
        emulator.answer(data_id="again", code="Throttling.User", times=1)
        async with emulator.async_client(max_retries=2) as other:
            return await other.detect(png, data_id="again")

    assert [one.outcome for one in asyncio.run(once()).attempts][-2:] == ["ThrottledError", "ok"]
    assert emulator.ledger().billed == 3


def test_retries_can_be_switched_off_for_a_call_a_copy_or_a_client(emulator: Emulator, client: aigclens.Client) -> None:
    emulator.answer(data_id="busy", code=500)
    with pytest.raises(aigclens.ServerError) as refused:
        client.detect(URL, data_id="busy", max_retries=0)
    assert len(refused.value.attempts) == 1
    patient = client.with_options(max_retries=0, timeout=9.0)
    with pytest.raises(aigclens.ServerError) as refused:
        patient.detect(URL, data_id="busy")
    assert len(refused.value.attempts) == 1
    with pytest.raises(aigclens.ServerError) as refused:
        patient.detect(URL, data_id="busy", max_retries=1)
    assert len(refused.value.attempts) == 2
    with emulator.client(max_retries=0) as once, pytest.raises(aigclens.ServerError) as refused:
        once.detect(URL, data_id="busy")
    assert len(refused.value.attempts) == 1
    with emulator.client() as usual, pytest.raises(aigclens.ServerError) as refused:
        usual.detect(URL, data_id="busy")
    assert len(refused.value.attempts) == 3


def test_a_copy_shares_its_client(emulator: Emulator) -> None:
    emulator.answer(url=URL, label="ugc")
    with emulator.client() as client:
        for each in (client, client.with_options(timeout=5.0), client.with_options(referer="example.com")):
            assert each.detect(URL).label == "ugc"
        assert emulator.connections()["accepted"] == 1
        derived = client.with_options(timeout=5.0)
        with pytest.raises(TypeError, match="region"):
            client.with_options(region="us-east-1")  # type: ignore[call-arg]
    assert derived.closed


def test_a_copy_pickles_with_its_options(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", emulator.access_key_id)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", emulator.access_key_secret)
    emulator.answer(data_id="busy", code=500)
    with aigclens.Client(endpoint=emulator.url, max_retries=2) as client:
        for twin in (pickle.loads(pickle.dumps(client.with_options(max_retries=0))), copy.copy(client)):
            with twin, pytest.raises(aigclens.ServerError) as refused:
                twin.detect(URL, data_id="busy")
            assert len(refused.value.attempts) == (3 if twin is not client and not twin._calls else 1)


@pytest.mark.parametrize("broken", [b"", b"<html>", b'{"Code":200'])
def test_a_lost_answer_costs_one_further_attempt_at_most(broken: bytes) -> None:
    """E12, E13: by default one more, and none with `raise`."""
    with RecordingServer(lambda _: Answer(body=broken)) as server:
        with aigclens.Client(
            endpoint=server.url, credentials=aigclens.Credentials("id", "secret"), max_retries=9
        ) as client:
            with pytest.raises(aigclens.ResponseDecodeError) as lost:
                client.detect(URL)
            assert [one.billing for one in lost.value.attempts] == ["possibly_billed"] * 2
            with pytest.raises(aigclens.ResponseDecodeError) as lost:
                client.detect(URL, on_ambiguous="raise")
            assert len(lost.value.attempts) == 1
        assert len(server.requests) == 3


def test_a_wrong_clock_is_put_right(emulator: Emulator, client: aigclens.Client, png: bytes) -> None:
    """B02, B13: for the service and for its storage, and for the calls that follow."""
    emulator.settings(clock_offset=-7_200.0)
    found = client.detect(png)
    assert [(one.operation, one.outcome) for one in found.attempts] == [
        ("DescribeUploadToken", "ClockSkewError"),
        ("DescribeUploadToken", "ok"),
        ("PutObject", "ClockSkewError"),
        ("PutObject", "ok"),
        ("ImageModeration", "ok"),
    ]
    assert [one.outcome for one in client.detect(png).attempts] == ["ok", "ok"]


@pytest.mark.parametrize("options", [{"max_retries": -1}, {"max_retries": 21}, {"on_ambiguous": "probe"}])
def test_wrong_options_are_refused(emulator: Emulator, client: aigclens.Client, options: dict[str, object]) -> None:
    """M10."""
    with pytest.raises(aigclens.ConfigError):
        emulator.client(**options)  # type: ignore[arg-type]
    with pytest.raises(aigclens.ConfigError):
        client.detect(URL, **options)  # type: ignore[arg-type]
    assert emulator.requests() == []


def test_an_outage_is_not_made_worse(emulator: Emulator) -> None:
    """C06: 35 further requests for a client, then each call fails at its first attempt; a recovery is used at once."""
    emulator.answer(url=URL, code=500)
    with emulator.client(max_retries=2) as client:
        calls = 300
        for _ in range(calls):
            with pytest.raises(aigclens.ServerError):
                client.detect(URL)
        assert len(emulator.requests()) <= calls + 36
        emulator.forget_answers()
        emulator.answer(url=URL, label="ugc")
        assert client.detect(URL).label == "ugc"
