"""Connections are really reused: never more than there are calls at once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import aigclens
from servers import counting_server

URL = "https://img.example/cat.png"
CALLS = 10_000
CREDENTIALS = aigclens.Credentials("testid", "testsecret")


def test_ten_thousand_sequential_calls_use_one_connection() -> None:
    with counting_server() as (url, counts), aigclens.Client(endpoint=url, credentials=CREDENTIALS, qps=None) as client:
        for _ in range(CALLS):
            client.detect(URL)
        assert counts() == {"connections": 1, "calls": CALLS, "most_open": 1}


def test_ten_thousand_calls_on_64_threads_use_at_most_64_connections() -> None:
    """H14."""
    with counting_server() as (url, counts), aigclens.Client(endpoint=url, credentials=CREDENTIALS, qps=None) as client:
        with ThreadPoolExecutor(64) as threads:
            for _ in threads.map(lambda _: client.detect(URL), range(CALLS)):
                pass
        found = counts()
        assert found["calls"] == CALLS
        assert found["connections"] <= 64


@pytest.mark.parametrize("at_once", [1, 64, 256])
def test_ten_thousand_asyncio_calls_use_no_more_connections_than_are_under_way(at_once: int) -> None:
    async def main() -> dict[str, int]:
        async with aigclens.AsyncClient(endpoint=url, credentials=CREDENTIALS, qps=None) as client:
            remaining = iter(range(CALLS))

            async def worker() -> None:
                for _ in remaining:
                    await client.detect(URL)

            await asyncio.gather(*(worker() for _ in range(at_once)))
            return counts()

    with counting_server() as (url, counts):
        found = asyncio.run(main())
    assert found["calls"] == CALLS
    assert found["connections"] <= at_once


def test_a_burst_of_ten_thousand_tasks_is_answered() -> None:
    """All at once without any limit of the caller's: the connections are bounded by the calls under way alone."""

    async def main() -> int:
        async with aigclens.AsyncClient(endpoint=url, credentials=CREDENTIALS, qps=None) as client:
            limit = asyncio.Semaphore(100)

            async def one() -> str | None:
                async with limit:
                    return (await client.detect(URL)).label

            return (await asyncio.gather(*(one() for _ in range(CALLS)))).count("aigc")

    with counting_server() as (url, counts):
        assert asyncio.run(main()) == CALLS
        assert counts()["connections"] <= 100


def test_several_loops_in_several_threads_share_one_pool() -> None:
    with counting_server() as (url, counts):
        client = aigclens.AsyncClient(endpoint=url, credentials=CREDENTIALS, qps=None)

        def loop_of_its_own() -> None:
            async def some() -> None:
                for _ in range(200):
                    await client.detect(URL)

            asyncio.run(some())

        for _ in range(3):  # One after another: each finds the connection of the one before.
            loop_of_its_own()
        assert counts()["connections"] == 1
        threads = [threading.Thread(target=loop_of_its_own) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = counts()
        assert found["calls"] == 11 * 200
        assert found["connections"] <= 8
        client.close()
