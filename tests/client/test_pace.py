"""The pace of paid calls, as the emulator's own window sees it."""

from __future__ import annotations

import asyncio

import pytest

import aigclens
from aigclens.testing import Emulator

URL = "https://example.com/cat.png"


def test_a_paced_client_is_never_throttled() -> None:
    """C07: 250 calls by 50 tasks pass the real limit of 100 a second without a refusal."""
    with Emulator(qps=100) as emulator:
        emulator.answer(url=URL, label="ugc")

        async def many() -> list[aigclens.Detection]:
            async with emulator.async_client(qps=95.0, max_retries=0) as client:
                remaining = iter(range(250))
                found = []

                async def worker() -> None:
                    for _ in remaining:
                        found.append(await client.detect(URL))

                await asyncio.gather(*(worker() for _ in range(50)))
                return found

        found = asyncio.run(many())
        assert len(found) == 250
        assert {one.outcome for each in found for one in each.attempts} == {"ok"}


def test_without_a_pace_the_service_throttles() -> None:
    """C02: what the pace is for."""
    with Emulator(qps=5) as emulator:
        emulator.answer(url=URL, label="ugc")
        with emulator.client(qps=None, max_retries=0) as client:
            with pytest.raises(aigclens.ThrottledError) as refused:
                for _ in range(50):
                    client.detect(URL)
            assert (refused.value.code, refused.value.billing) == ("403", "not_billed")


def test_a_turn_beyond_the_total_time_out_is_refused_unsent(emulator: Emulator) -> None:
    """H03."""
    emulator.answer(url=URL, label="ugc")
    with emulator.client(qps=0.1) as client:
        for _ in range(5):
            client.detect(URL)
        with pytest.raises(aigclens.PaceTimeout) as late:
            client.detect(URL, total_timeout=0.5)
        assert isinstance(late.value, TimeoutError)
        assert (late.value.billing, late.value.attempts, late.value.retryable) == ("not_billed", (), True)
    assert emulator.ledger().billed == 5


@pytest.mark.parametrize("qps", [0.0, -1.0, 101.0, 1e9, float("nan"), float("inf")])
def test_a_wrong_rate_is_refused(qps: float) -> None:
    """M10."""
    with pytest.raises(aigclens.ConfigError, match="qps"):
        aigclens.Client(qps=qps)


def test_a_higher_quota_must_be_meant() -> None:
    """M10."""
    with pytest.raises(aigclens.ConfigError, match="i_have_a_higher_quota"):
        aigclens.Client(qps=500.0)
    aigclens.Client(qps=500.0, i_have_a_higher_quota=True).close()
