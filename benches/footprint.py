"""What a client costs before its first call: time of its import, memory after it. Fresh processes, in turns."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

from stage import environment

# What a program writes to have a client, and nothing more.
IMPORTS = {
    "aigclens": "from aigclens import Client",
    "aigclens, both clients": "from aigclens import AsyncClient, Client",
    "official SDK": "from alibabacloud_green20220302.client import Client; "
    "from alibabacloud_tea_openapi.models import Config",
    "official SDK + oss2": "from alibabacloud_green20220302.client import Client; "
    "from alibabacloud_tea_openapi.models import Config; import oss2",
    "httpx": "import httpx",
    "aiohttp": "import aiohttp",
    "pyreqwest": "from pyreqwest.client import ClientBuilder",
}
PROGRAM = """
import time
began = time.perf_counter()
{imports}
took = time.perf_counter() - began
status = open("/proc/self/status").read()
print('{{"seconds": %r, "rss": %d}}' % (took, int(status.split("VmRSS:")[1].split()[0]) * 1024))
"""


def once(name: str) -> dict[str, float] | None:
    """One process; nothing if the package is not there."""
    command = [sys.executable, "-c", PROGRAM.format(imports=IMPORTS[name])]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def measure(times: int) -> dict[str, Any]:
    """All of them, in turns. The first round, which finds cold files, is not counted."""
    found: dict[str, list[dict[str, float]]] = {}
    for which in range(times + 1):
        for name in IMPORTS:
            if (one := once(name)) is not None and which > 0:
                found.setdefault(name, []).append(one)
    return {
        name: {
            "import_best_ms": 1000 * min(one["seconds"] for one in ones),
            "import_median_ms": 1000 * statistics.median(one["seconds"] for one in ones),
            "rss_bytes": statistics.median(one["rss"] for one in ones),
        }
        for name, ones in found.items()
    }
