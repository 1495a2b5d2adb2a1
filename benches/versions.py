"""On what a run was made: versions and kind of machine, and nothing that names it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# Of the peers and what they stand on.
PACKAGES = (
    "aigclens",
    "alibabacloud-green20220302",
    "alibabacloud-tea-openapi",
    "alibabacloud-oss-v2",
    "darabonba-core",
    "oss2",
    "crcmod",
    "aiohttp",
    "uvloop",
    "pyreqwest",
    "httpx",
    "httpcore",
    "requests",
    "urllib3",
)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def found() -> dict[str, Any]:
    """Versions of everything that has a part in it."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "packages": {package: _version(package) for package in PACKAGES},
        "python": platform.python_version(),
        "rustc": rustc.stdout.strip() or None,
        "kernel": platform.release().split("-")[0],
        "processor": _processor(),
        "processors": os.cpu_count(),
    }


def peers() -> dict[str, Any]:
    """What would not install, and how large each is once installed."""
    return json.loads((Path(sys.prefix) / "peers.json").read_text())  # type: ignore[no-any-return]
