"""One class for each client of the table, made from where the server is and how many calls there are at once.

What a class has says how it is run: `call` by one thread or by some, `acall` by tasks of an event loop, `many` by
itself. Each returns labels, which are counted if they are right.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

KEY_ID = "LTAI5tBenchBenchBenchBen"
SECRET = "benchbenchbenchbenchbenchbench"
SERVICE = "aigcDetector_global"
URL = "https://images.example.com/cat.png"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where and how."""

    url: str
    ca: str | None
    at_once: int
    folder: str
    image: str | None = None

    @property
    def host(self) -> str:
        """With the port, without the scheme."""
        return self.url.split("://")[1]

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return self.url.split("://")[0]


# name: module, class, threads (0: an event loop, or the client's own), event loop
CLIENTS: dict[str, tuple[str, str, int, str]] = {
    "aigclens sync": ("ours", "Sync", 1, ""),
    "aigclens sync, 32 threads": ("ours", "Sync", 32, ""),
    "aigclens async": ("ours", "Async", 0, "asyncio"),
    "aigclens async, uvloop": ("ours", "Async", 0, "uvloop"),
    "aigclens detect_many": ("ours", "Many", 0, ""),
    "aigclens scan, store": ("ours", "Stored", 0, ""),
    "official SDK sync": ("official", "Sync", 1, ""),
    "official SDK sync, 32 threads": ("official", "Sync", 32, ""),
    "official SDK async": ("official", "Async", 0, "asyncio"),
    "aiohttp": ("handsigned", "Aiohttp", 0, "asyncio"),
    "aiohttp, uvloop": ("handsigned", "Aiohttp", 0, "uvloop"),
    "pyreqwest sync": ("handsigned", "PyreqwestSync", 1, ""),
    "pyreqwest async": ("handsigned", "PyreqwestAsync", 0, "asyncio"),
    "httpx sync": ("handsigned", "HttpxSync", 1, ""),
    "httpx async": ("handsigned", "HttpxAsync", 0, "asyncio"),
    "requests": ("handsigned", "Requests", 1, ""),
    "requests, 32 threads": ("handsigned", "Requests", 32, ""),
    "aigclens upload": ("uploads", "Ours", 1, ""),
    "official SDK + oss2 upload": ("uploads", "OfficialOss2", 1, ""),
    "official SDK + oss-v2 upload": ("uploads", "OfficialOssV2", 1, ""),
}


def make(name: str, stage: Stage) -> Any:
    """The client of a name."""
    module, kind, _, _ = CLIENTS[name]
    return getattr(importlib.import_module(f"clients.{module}"), kind)(stage)
