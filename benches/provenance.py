"""How long does it take to know what an image declares? Against `c2pa-python` and `sd_parsers`, on the same files.

    make bench-provenance            2,000 files, 5 rounds; fails below 10 times the faster of the two
    make bench-provenance FILES=200 ROUNDS=2 RATIO=5

They take turns, each with all files, in every round after somebody else, so that whatever else the machine does is
shared; of each file and program the median of the rounds counts. Files are in the page cache. `c2pa-python` reads
manifests only and `sd_parsers` generators' text only: each is asked for less than `aigclens.inspect` is.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DECLARED = ROOT.parent / "shared" / "data" / "declared"
# In a process of its own, so that only this is in its memory.
GROWTH = """
import resource, sys, aigclens
paths = sys.stdin.read().splitlines()
aigclens.inspect(paths[0])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
for path in paths:
    aigclens.inspect(path)
print(peak() - before)
"""


def programs() -> dict[str, Callable[[str, bytes], object]]:
    import c2pa
    import sd_parsers

    import aigclens

    manager = sd_parsers.ParserManager()

    def by_c2pa(path: str, _: bytes) -> object:
        try:
            reader = c2pa.Reader.try_create(path)
        except Exception:
            return None
        if reader is None:
            return None
        with reader:
            return reader.json()

    def by_sd_parsers(path: str, _: bytes) -> object:
        try:
            return manager.parse(path)
        except Exception:
            return None

    return {
        "aigclens.inspect(path)": lambda path, _: aigclens.inspect(path),
        "aigclens.inspect(bytes)": lambda _, data: aigclens.inspect(data),
        "c2pa.Reader(path)": by_c2pa,
        "sd_parsers.parse(path)": by_sd_parsers,
    }


def measure(paths: list[Path], rounds: int) -> tuple[dict[str, list[float]], list[str | None]]:
    """The median microseconds of each file, by program; and what each file declares."""
    import aigclens

    runs = programs()
    for path in paths:
        for run in runs.values():
            run(str(path), path.read_bytes())
    declared: list[str | None] = [aigclens.inspect(path).declares for path in paths]
    times: dict[str, list[list[float]]] = {name: [[] for _ in paths] for name in runs}
    clock = time.perf_counter_ns
    order = list(runs.items())
    for turn in range(rounds):
        # Nobody is always the one after somebody else.
        order = order[1:] + order[:1]
        for name, run in order:
            for at, path in enumerate(paths):
                text = str(path)
                data = path.read_bytes() if "bytes" in name else b""
                start = clock()
                run(text, data)
                times[name][at].append((clock() - start) / 1000)
        print(f"  round {turn + 1} of {rounds}", file=sys.stderr)
    found = {name: [statistics.median(of_file) for of_file in files] for name, files in times.items()}
    return found, declared


def check(paths: list[Path], declared: list[str | None]) -> int:
    """How many of the files that were made to declare something do so: a fast reader that reads nothing is no news."""
    wanted = {"label": "generated", "generator": "generated", "c2pa": "generated"}
    missed = 0
    for path, found in zip(paths, declared, strict=True):
        kind = path.stem.partition("-")[2]
        # Pillow writes no metadata into GIF, and no parameters into TIFF.
        if path.suffix == ".gif" and kind != "c2pa":
            continue
        if path.suffix == ".tif" and kind == "generator":
            continue
        if (kind in wanted and found != wanted[kind]) or (kind == "none" and found is not None):
            missed += 1
            if missed <= 5:
                print(f"  read wrong: {path.name}: {found}")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--ratio", type=float, default=10)
    parser.add_argument("--results", type=Path, default=None)
    chosen = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    from provenance_files import make

    with tempfile.TemporaryDirectory(prefix="bench-provenance-") as folder:
        start = time.monotonic()
        paths = make(Path(folder), chosen.files, chosen.seed, lambda text: print(f"  {text}", file=sys.stderr))
        if DECLARED.is_dir():
            paths += sorted(path for path in DECLARED.iterdir() if path.suffix in {".png", ".jpg"})
        sizes = sorted(path.stat().st_size for path in paths)
        total = sum(sizes)
        print(
            f"{len(paths)} files, seed {chosen.seed}, {total / 1e6:.0f} MB, "
            f"median {statistics.median(sizes) / 1e3:.0f} kB, "
            f"{sizes[0] / 1e3:.0f} to {sizes[-1] / 1e3:.0f} kB, made in {time.monotonic() - start:.0f} s"
        )
        times, declared = measure(paths, chosen.rounds)
        missed = check(paths, declared)
        lines = "\n".join(map(str, paths))
        growth = int(
            subprocess.run(
                [sys.executable, "-c", GROWTH], input=lines, capture_output=True, text=True, check=True
            ).stdout
        )
        jpegs = [at for at, path in enumerate(paths) if path.suffix == ".jpg"]
    rows = {
        name: {
            "median_us": round(statistics.median(values), 2),
            "mean_us": round(statistics.fmean(values), 2),
            "p99_us": round(sorted(values)[len(values) * 99 // 100], 2),
            "jpeg_median_us": round(statistics.median([values[at] for at in jpegs]), 2),
        }
        for name, values in times.items()
    }
    peers = {name: row["median_us"] for name, row in rows.items() if not name.startswith("aigclens")}
    best = min(peers, key=lambda name: peers[name])
    ratio = peers[best] / rows["aigclens.inspect(path)"]["median_us"]
    print(f"\n{'':26}{'median':>12}{'mean':>12}{'p99':>12}{'JPEG':>12}   microseconds an image")
    for name, row in rows.items():
        print(f"{name:26}" + "".join(f"{value:>12,.1f}" for value in row.values()))
    print(f"\ninspect(path) is {ratio:.1f} times faster than {best}, the faster of the two, by the median")
    print(f"memory grew by {growth} KiB while all files were inspected; {missed} read wrong")
    if chosen.results:
        versions = {
            name: importlib.metadata.version(name) for name in ("aigclens", "c2pa-python", "sd-parsers", "pillow")
        }
        results = {
            "date": time.strftime("%Y-%m-%d"),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "versions": versions,
            "files": len(paths),
            "bytes": total,
            "rounds": chosen.rounds,
            "seed": chosen.seed,
            "programs": rows,
            "ratio_to_the_faster": round(ratio, 1),
            "faster": best,
            "memory_growth_kib": growth,
            "peak_rss_of_the_bench_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
        chosen.results.write_text(json.dumps(results, indent=2) + "\n")
    if missed:
        print("FAILED: what was written is not what is read")
        return 1
    if ratio < chosen.ratio:
        print(f"FAILED: less than {chosen.ratio:g} times faster")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
