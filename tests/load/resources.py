"""What a long run has open, how large it is, and how its counts are shown."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path


def quiet() -> tuple[int, int]:
    """Descriptors and threads before a run, once what the first calls opened is closed again."""
    gc.collect()
    last = (-1, -1)
    while (now := (descriptors(), threads())) != last:
        last = now
        time.sleep(0.3)
    return now


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    """All threads of this process, those of the core included."""
    return len(os.listdir("/proc/self/task"))


def settled(before: tuple[int, int]) -> tuple[int, int]:
    """Descriptors and threads, once they are back where they were or have had time enough."""
    end = time.monotonic() + 30
    while True:
        gc.collect()
        now = (descriptors(), threads())
        if (now[0] <= before[0] and now[1] <= before[1]) or time.monotonic() > end:
            return now
        time.sleep(0.05)


def memory(name: str = "VmRSS") -> int:
    """Bytes of this process that are in memory; `VmHWM` for the most that ever were."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"{name} is not in /proc/self/status")


def columns(counts: dict[str, int]) -> str:
    cells = [f"{name} {count:,}" for name, count in counts.items()]
    rows = [cells[at : at + 3] for at in range(0, len(cells), 3)]
    return "".join("\n    " + "".join(f"{cell:36}" for cell in row).rstrip() for row in rows)
