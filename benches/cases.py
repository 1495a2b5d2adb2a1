"""What is measured: the cases, and which clients take part in each."""

from __future__ import annotations

from dataclasses import dataclass

SEQUENTIAL = (
    "aigclens sync",
    "aigclens async",
    "aigclens async, uvloop",
    "official SDK sync",
    "official SDK async",
    "aiohttp",
    "aiohttp, uvloop",
    "pyreqwest sync",
    "pyreqwest async",
    "httpx sync",
    "httpx async",
    "requests",
    "pure Rust, reqwest",
    "pure Rust, hyper",
)
AT_ONCE = (
    "aigclens sync, 32 threads",
    "aigclens async",
    "aigclens async, uvloop",
    "aigclens detect_many",
    "aigclens scan, store",
    "official SDK sync, 32 threads",
    "official SDK async",
    "aiohttp",
    "aiohttp, uvloop",
    "pyreqwest async",
    "httpx async",
    "requests, 32 threads",
    "pure Rust, reqwest",
    "pure Rust, hyper",
)
# What the targets need.
QUICK_SEQUENTIAL = ("aigclens sync", "official SDK sync", "pure Rust, reqwest", "pure Rust, hyper")
QUICK_AT_ONCE = (
    "aigclens sync, 32 threads",
    "aigclens async",
    "aigclens detect_many",
    "aigclens scan, store",
    "official SDK sync, 32 threads",
    "official SDK async",
    "aiohttp",
    "pyreqwest async",
    "pure Rust, reqwest",
)
UPLOADS = ("aigclens upload", "official SDK + oss2 upload", "official SDK + oss-v2 upload")
FILES = {"50 kB": 50_000, "500 kB": 500_000, "5 MB": 5_000_000}


@dataclass(frozen=True, slots=True)
class Case:
    """One table."""

    name: str
    clients: tuple[str, ...]
    secure: bool
    at_once: int
    latency: int = 0


def cases(quick: bool) -> list[Case]:
    """All tables of calls."""
    sequential, at_once = (QUICK_SEQUENTIAL, QUICK_AT_ONCE) if quick else (SEQUENTIAL, AT_ONCE)
    found = []
    for scheme in ("HTTP", "HTTPS"):
        secure = scheme == "HTTPS"
        if not (quick and secure):
            found.append(Case(f"one after the other, {scheme}", sequential, secure, 1))
        found.append(Case(f"64 at once, {scheme}", at_once, secure, 64))
        if not quick:
            found.append(Case(f"64 at once, 50 ms server, {scheme}", at_once, secure, 64, 50))
    return found
