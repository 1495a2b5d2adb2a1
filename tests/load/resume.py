"""How long does it take to find that nothing is left to do? A list of a million URLs is scanned, and then once
more (L20).

    python tests/load/resume.py [--rows 1000000]

The first run fills the store by a real scan against the emulator. The second one is a process of its own, whose time
and largest size are measured: it must hand out every row from the store without one call, in under 60 seconds for a
million and under 200 MB. Exits 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from resources import memory

import aigclens
from aigclens.store import Store
from aigclens.testing import Emulator

# Of the first run, which is not what is measured.
AT_ONCE = 256
SECONDS_A_MILLION = 60.0
MOST_BYTES = 200_000_000


def write(path: Path, rows: int) -> None:
    """A list as data sets have it, with a caption beside each URL."""
    with path.open("w") as file:
        file.write("URL,TEXT\n")
        file.writelines(f"https://img.example/photos/{n:08}.jpg,a picture of something\n" for n in range(rows))


def child(folder: Path, concurrency: int) -> int:
    """One scan from a process's beginning to its end; what it came to."""
    started = time.monotonic()
    rows = ok = cached = 0
    with aigclens.scan(
        folder / "urls.csv", url_column="URL", store=folder / "run.sqlite", concurrency=concurrency, qps=None
    ) as scan:
        for row in scan:
            rows += 1
            ok += row.ok
            cached += row.cached
    took = time.monotonic() - started
    print(json.dumps({"rows": rows, "ok": ok, "cached": cached, "took": took, "most": memory("VmHWM")}))
    return 0


def run(emulator: Emulator, folder: Path, concurrency: int) -> dict[str, Any]:
    arguments = [sys.executable, __file__, "--child", str(folder), "--concurrency", str(concurrency)]
    environment = {**os.environ, **emulator.environment()}
    done = subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def charged(emulator: Emulator) -> int:
    """How many calls were charged, without a million entries about them."""
    with urllib.request.urlopen(f"{emulator.url}/_emulator/ledger?limit=0") as answer:
        return int(json.load(answer)["billed"])


def show(name: str, told: dict[str, Any], more: str) -> None:
    rate, most = told["rows"] / told["took"], told["most"] / 1e6
    print(f"  {name:17} {told['took']:9.1f} s   {rate:,.0f} rows a second, at most {most:.0f} MB; {more}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--concurrency", type=int, default=16, help="of the run that is measured")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.concurrency)
    print(f"resume: {options.rows:,} rows", flush=True)
    with Emulator(qps=0, judge="hash") as emulator, tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder / "urls.csv", options.rows)
        first = run(emulator, folder, AT_ONCE)
        size = (folder / "run.sqlite").stat().st_size
        show("first run", first, f"the store has {size / 1e6:.0f} MB")
        calls = charged(emulator)
        second = run(emulator, folder, options.concurrency)
        further = charged(emulator) - calls
        started = time.monotonic()
        with Store(folder / "run.sqlite") as store:
            problems = store.verify()
        verified = time.monotonic() - started
    show("second run", second, f"{further} calls")
    print(f"  verifying         {verified:9.1f} s   {len(problems)} problems")
    # A short run has the start of a process in it.
    most = max(5.0, SECONDS_A_MILLION * options.rows / 1_000_000)
    holds = (
        first["ok"] == second["ok"] == second["cached"] == second["rows"] == options.rows
        and calls == options.rows
        and further == 0
        and second["took"] < most
        and second["most"] < MOST_BYTES
        and not problems
    )
    print(f"resume: {'holds' if holds else 'DOES NOT HOLD'} (at most {most:.0f} s and {MOST_BYTES / 1e6:.0f} MB)")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
