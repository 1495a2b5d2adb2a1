"""Instructions of each step of a call, under callgrind, beside a recorded baseline: `make bench-count`.

    python benches/micro/count.py [--record | --build] [--keep FOLDER] [CASE ...]

No other program and no clock changes these counts: a change of a hundredth is a change of the code. Each case runs so
many times, and twice as many: the difference has no start-up in it. Exits with 1 if a case takes over 10 % more than
the baseline says. Without valgrind it says so and exits with 0.

SHA-256 is counted apart (`sign-sha256`): valgrind's processor has no instructions for it, which real ones have, so that
it would be most of what signing takes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import callgrind
import verdicts
from loopback import Loopback

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = HERE / "target"
BUILT = ROOT / "target"
BASELINE = HERE / "baseline.json"
# Where the bindings and the package are put together, to be found by Python.
PACKAGE = ROOT / ".build" / "bench-count"
# The compression of SHA-256's blocks, as it is where a processor has no instructions for it.
HASHING = r"^sha2::.*compress"
# What makes a result of Python's out of one of the core's.
CONSTRUCTION = r"^aigclens::bindings::convert::outcome"
CALLS = 150
# Seconds after which a run is hung.
LONGEST = 300


def say(text: str) -> None:
    """At once, also into a file."""
    print(text, flush=True)


def run(command: list[str], **environment: str) -> str:
    """What a program printed; its complaints are ours."""
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"bench-count: `{' '.join(command)}` failed")
    return done.stdout


def build() -> Path:
    """The program that runs the core's cases."""
    run(["cargo", "build", "--locked", "--quiet", "--profile", "measure", "--manifest-path", str(HERE / "Cargo.toml")])
    return TARGET / "measure" / "count"


def bindings() -> Path:
    """A folder with the package as it is installed, but with the names of its functions, which a wheel has not."""
    command = ["cargo", "build", "--locked", "--quiet", "--lib", "--profile", "measure", "--features", "python"]
    # Our own crate as the core is built for its own cases; what it depends on is there already, from `make hostile`.
    command += ["--config", "profile.measure.package.aigclens.codegen-units=1", "--target-dir", str(BUILT)]
    run(command, PYO3_PYTHON=sys.executable, PYO3_BUILD_EXTENSION_MODULE="1")
    shutil.rmtree(PACKAGE, ignore_errors=True)
    shutil.copytree(ROOT / "python", PACKAGE, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    shutil.copyfile(BUILT / "measure" / "libaigclens.so", PACKAGE / "aigclens" / "_native.abi3.so")
    return PACKAGE


class Counter:
    """Runs programs under callgrind."""

    def __init__(self, files: Path, temporary: Path) -> None:
        self.files = files
        # Little and always the same: what a process is given is on its stack.
        self.environment = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(PACKAGE),
            "PYTHONHASHSEED": "0",
        }

    def profile(self, name: str, command: list[str]) -> callgrind.Profile:
        """One run, whose file stays for `callgrind_annotate`."""
        out = self.files / f"callgrind.{name}"
        valgrind = ["valgrind", "--tool=callgrind", "-q", "--vgdb=no", f"--callgrind-out-file={out}"]
        try:
            done = subprocess.run(
                [*valgrind, *command],
                env=self.environment,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired:
            sys.exit(f"bench-count: {name} took more than {LONGEST} s")
        if done.returncode:
            sys.exit(f"bench-count: {name} failed: {done.stderr.strip()[-2000:]}")
        return callgrind.read(out)

    def both(self, name: str, command: list[str], times: int) -> tuple[callgrind.Profile, callgrind.Profile]:
        """A run, and one of twice as many operations."""
        few, many = (self.profile(f"{name}.{n}", [*command, str(n)]) for n in (times, 2 * times))
        return few, many

    def core(self, program: Path, case: str, times: int) -> dict[str, int]:
        """One case of the core's."""
        few, many = self.both(case, [str(program), case], times)
        hashing = many.own_of(HASHING) - few.own_of(HASHING)
        counts = {case: round((many.total - few.total - hashing) / times)}
        return counts | ({f"{case}-sha256": round(hashing / times)} if hashing else {})

    def wall(self, url: str) -> dict[str, int]:
        """Calls from Python: the whole, and what it takes to make a result of Python's."""
        few, many = self.both("wall", [sys.executable, "-S", str(HERE / "wall.py"), url], CALLS)
        hashing = many.own_of(HASHING) - few.own_of(HASHING)
        construction = many.called(CONSTRUCTION) - few.called(CONSTRUCTION)
        if not construction:
            sys.exit("bench-count: the function that makes results of Python's has another name now; see CONSTRUCTION")
        return {
            f"{verdicts.WALL}detection": round(construction / CALLS),
            f"{verdicts.WALL}call": round((many.total - few.total - hashing) / CALLS),
        }


def count(counter: Counter, program: Path, wanted: list[str]) -> dict[str, int]:
    """All cases, or those that are wanted; as many at once as there are processors."""
    listed = dict(line.split() for line in run([str(program), "--list"]).splitlines())
    names = [*listed, "wall"]
    if unknown := set(wanted) - set(names):
        sys.exit(f"bench-count: no such case: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen = [name for name in names if not wanted or name in wanted]
    with ExitStack() as stack:
        url = ""
        if "wall" in chosen:
            bindings()
            url = stack.enter_context(Loopback()).url
            # Natively: it works, and Python's files are compiled.
            command = [sys.executable, "-S", str(HERE / "wall.py"), url, "1"]
            subprocess.run(command, env=counter.environment, check=True)
        pool = stack.enter_context(ThreadPoolExecutor(os.cpu_count()))
        # The longest begins first: an interpreter has to start.
        jobs = {
            name: pool.submit(counter.wall, url)
            if name == "wall"
            else pool.submit(counter.core, program, name, int(listed[name]))
            for name in sorted(chosen, key=lambda name: name != "wall")
        }
        return {case: number for name in chosen for case, number in jobs[name].result().items()}


def made_by() -> dict[str, str]:
    """What a baseline was made with."""
    told = dict(line.partition(": ")[::2] for line in run(["rustc", "-vV"]).splitlines())
    return {
        "compiler": told["release"],
        "target": told["host"],
        "python": platform.python_version(),
        "valgrind": run(["valgrind", "--version"]).strip(),
    }


def main() -> int:
    """Counts, compares, prints, records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write a new baseline")
    parser.add_argument("--build", action="store_true", help="build what is counted, and count nothing")
    parser.add_argument("--keep", type=Path, help="where callgrind's files go, for callgrind_annotate")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all, unless named; `wall` is all of Python's")
    given = parser.parse_args()
    if shutil.which("valgrind") is None:
        say("bench-count: valgrind is not installed: instruction counts are skipped")
        return 0
    if given.build:
        build()
        bindings()
        return 0
    if given.record and given.cases:
        parser.error("a baseline is recorded of all cases")
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    program, here = build(), made_by()
    # In memory, where there is such a place.
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=shared) as temporary:
        files = given.keep or Path(temporary)
        files.mkdir(parents=True, exist_ok=True)
        counts = count(Counter(files, Path(temporary)), program, given.cases)
    lines = verdicts.compare(counts, here, baseline, not given.cases)
    say(verdicts.table(lines))
    for difference in verdicts.differences(here, baseline):
        say(difference)
    if given.record:
        BASELINE.write_text(json.dumps({"made_by": here, "counts": counts}, indent=2) + "\n")
        say(f"Recorded in {BASELINE.relative_to(ROOT)}.")
        return 0
    problems = [problem for line in lines if (problem := line.problem) is not None]
    for problem in problems:
        print(f"bench-count: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
