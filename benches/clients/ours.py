"""`aigclens` as its README uses it, with default settings but an unlimited pace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import aigclens
from clients import KEY_ID, SECRET, URL, Stage


def options(stage: Stage) -> dict[str, Any]:
    """What every client here is made with."""
    return {
        "endpoint": stage.url,
        "credentials": aigclens.Credentials(
            os.environ.get("BENCH_KEY_ID", KEY_ID), os.environ.get("BENCH_SECRET", SECRET)
        ),
        "qps": None,
        "ca_file": stage.ca,
    }


class Sync:
    """`Client.detect`."""

    def __init__(self, stage: Stage) -> None:
        self.client = aigclens.Client(**options(stage))

    def call(self) -> str | None:
        """One call."""
        return self.client.detect(URL).label


class Async:
    """`AsyncClient.detect`."""

    def __init__(self, stage: Stage) -> None:
        self.client = aigclens.AsyncClient(**options(stage))

    async def acall(self) -> str | None:
        """One call."""
        return (await self.client.detect(URL)).label

    async def aclose(self) -> None:
        """Ends it."""
        await self.client.aclose()


class Many:
    """`Client.detect_many`. Each URL is another one: equal ones in flight would be asked about once."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.client = aigclens.Client(**options(stage))
        self.asked = 0

    def urls(self, number: int) -> Iterator[str]:
        """New ones."""
        first, self.asked = self.asked, self.asked + number
        return (f"https://images.example.com/{which}.png" for which in range(first, first + number))

    def many(self, number: int) -> int:
        """So many calls; returns how many answers were right."""
        rows = self.client.detect_many(self.urls(number), concurrency=self.stage.at_once)
        return sum(row.label == "aigc" for row in rows)


class Stored(Many):
    """`Client.scan` with a store of its own for each run: its answers are on the disk before they are handed out."""

    stores = 0

    def many(self, number: int) -> int:
        """So many calls; returns how many answers were right."""
        self.stores += 1
        store = os.path.join(self.stage.folder, f"{os.getpid()}-{self.stores}.sqlite")
        rows = self.client.scan(self.urls(number), store=store, concurrency=self.stage.at_once)
        return sum(row.label == "aigc" for row in rows)
