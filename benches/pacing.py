"""A client with nothing but default settings, against an emulator with the real limit of 100 calls in any second.

    python benches/pacing.py URL SECONDS            (the key comes in BENCH_KEY_ID and BENCH_SECRET)

The first second, which a pace may begin with a burst, is not counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

import aigclens

TASKS = 16


async def measure(url: str, seconds: float) -> dict[str, float]:
    """Calls a second, and how many attempts were refused for being too many, or went wrong otherwise."""
    credentials = aigclens.Credentials(os.environ["BENCH_KEY_ID"], os.environ["BENCH_SECRET"])
    first = time.perf_counter() + 1
    last = first + seconds
    outcomes: dict[str, int] = {}
    ended: list[float] = []

    async with aigclens.AsyncClient(endpoint=url, credentials=credentials) as client:

        async def work() -> None:
            while time.perf_counter() < last:
                found = await client.detect("https://images.example.com/cat.png")
                ended.append(time.perf_counter())
                for attempt in found.attempts:
                    outcomes[attempt.outcome] = outcomes.get(attempt.outcome, 0) + 1

        await asyncio.gather(*(work() for _ in range(TASKS)))
    calls = sum(first <= when < last for when in ended)
    return {
        "rate": calls / seconds,
        "throttled": outcomes.get("ThrottledError", 0),
        "other_failures": sum(outcomes.values()) - outcomes.get("ok", 0) - outcomes.get("ThrottledError", 0),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], float(sys.argv[2])))))
