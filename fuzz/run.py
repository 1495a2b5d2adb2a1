"""Builds the fuzz targets and runs them all, two at a time: `make fuzz SECONDS=600`.

New inputs are kept in `fuzz/grown/` (never committed), what crashed in `fuzz/artifacts/`. One line a target; anything
that crashed, ran out of time or of memory ends it with 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
TARGETS = ["image_probe", "png_meta", "jpeg_exif_xmp", "isobmff_jumbf"]
# No input is worth more than this; the bound that users are promised is held by `make hostile`.
TIMEOUT = 5
LONGEST = 16_384


def build() -> Path:
    """The folder of the built targets. Instrumentation is behind a switch of the stable compiler's."""
    if not any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "c++", "g++", "clang++")):
        sys.exit("fuzz: a C++ compiler is needed for libFuzzer: apt-get install g++")
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    # Without AddressSanitizer: the core forbids unsafe code, and would be three times slower.
    command = ["cargo", "fuzz", "build", "--sanitizer", "none", "--fuzz-dir", str(FUZZ)]
    built = subprocess.run(command, cwd=FUZZ.parent, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if built.returncode:
        print(built.stderr[-8000:], file=sys.stderr)
        sys.exit("fuzz: the targets cannot be built")
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    host = re.search(r"^host: (.+)$", version, re.MULTILINE)
    assert host, version
    return FUZZ / "target" / host[1] / "release"


def run(folder: Path, target: str, seconds: int, jobs_seed: int) -> bool:
    """Runs one target; whether nothing was found."""
    grown, found = FUZZ / "grown" / target, FUZZ / "artifacts" / target
    grown.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    command = [
        str(folder / target),
        str(grown),
        str(FUZZ / "corpus" / target),
        f"-dict={FUZZ / 'dictionaries' / f'{target}.dict'}",
        f"-max_total_time={seconds}",
        f"-timeout={TIMEOUT}",
        f"-max_len={LONGEST}",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        f"-artifact_prefix={found}/",
        f"-seed={jobs_seed}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    text = done.stderr

    def last(pattern: str) -> str:
        return (re.findall(pattern, text) or ["?"])[-1]

    runs, speed = last(r"number_of_executed_units:\s+(\d+)"), last(r"average_exec_per_sec:\s+(\d+)")
    if runs == "?":
        runs = last(r"(?m)^#(\d+)")
    artifacts = re.findall(r"Test unit written to (\S+)", text)
    is_clean = done.returncode == 0 and not artifacts
    coverage, features, inputs = (last(rf"{name}: (\d+)") for name in ("cov", "ft", "corp"))
    peak = last(r"peak_rss_mb:\s+(\d+)")
    state = "clean" if is_clean else f"FAILED ({done.returncode}): {', '.join(artifacts) or 'no input was kept'}"
    print(
        f"{target:14} {runs:>11} runs {speed:>7}/s  coverage {coverage:>6}  features {features:>6}  "
        f"inputs {inputs:>5}  peak {peak:>4} MB  {state}",
        flush=True,
    )
    if not is_clean:
        print(text[-4000:], file=sys.stderr)
    return is_clean


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--seed", type=int, default=0, help="libFuzzer's; 0 is another one each time")
    parser.add_argument("--build", action="store_true", help="build the targets, and run none")
    parser.add_argument("targets", nargs="*", default=TARGETS)
    chosen = parser.parse_args()
    folder = build()
    if chosen.build:
        return 0
    with ThreadPoolExecutor(2) as pool:
        each = pool.map(lambda target: run(folder, target, chosen.seconds, chosen.seed), chosen.targets)
        return 0 if all(list(each)) else 1


if __name__ == "__main__":
    sys.exit(main())
