"""Installs a wheel on every CPython that this machine has and tries it: `make wheel`. Needs nothing installed."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
import asyncio, pathlib, sys, aigclens
with aigclens.Client.local() as client:
    found = client.detect(pathlib.Path(sys.argv[1]).read_bytes())
    assert (found.is_aigc, found.confidence, found.engine) == (True, 90.0, "emulator"), found
async def main():
    async with aigclens.AsyncClient.local() as client:
        return await client.detect(sys.argv[1])
assert asyncio.run(main()).label == "aigc"
try:
    aigclens.detect("nowhere.png")
except FileNotFoundError as error:
    assert isinstance(error, aigclens.ImageFileNotFound)
print("ok", sys.version.split()[0], aigclens.__version__)
"""


def interpreters() -> list[str]:
    """One command for each minor version of CPython 3.10 or newer: on the path, or of pyenv or uv."""
    names = [f"python3.{minor}" for minor in range(10, 20)]
    found = [path for name in ("python3", "python", *names) if (path := shutil.which(name))]
    home = Path.home()
    for pattern in (".pyenv/versions/*/bin/python3", ".local/share/uv/python/*/bin/python3"):
        found += map(str, sorted(home.glob(pattern)))
    question = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
    chosen: dict[tuple[int, int], str] = {}
    for path in [sys.executable, *found]:
        answer = subprocess.run([path, "-c", question], capture_output=True, text=True, check=False).stdout.split()
        if len(answer) == 3 and answer[0] == "cpython" and (version := (int(answer[1]), int(answer[2]))) >= (3, 10):
            chosen.setdefault(version, path)
    return [path for _, path in sorted(chosen.items())]


def try_on(python: str, wheel: Path, sample: Path) -> bool:
    """Whether the wheel installs there, offline and without any dependency, and works."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
        made = subprocess.run([python, "-m", "venv", "--without-pip", folder], check=False)
        if made.returncode:
            return False
        target = f"{folder}/bin/python"
        pip[-1] = target
        installed = subprocess.run([*pip, "install", "-q", "--no-index", str(wheel)], check=False)
        if installed.returncode:
            return False
        environment = {"PATH": os.environ["PATH"], "HOME": folder}
        tried = subprocess.run(
            [target, "-W", "error", "-c", PROGRAM, str(sample)], env=environment, timeout=60, check=False
        )
        return tried.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--largest", type=int, required=True, help="bytes that the wheel may have")
    options = parser.parse_args()
    size = options.wheel.stat().st_size
    print(f"{options.wheel.name}: {size:,} bytes ({size / 1e6:.2f} MB)")
    sample = Path(__file__).parents[1] / "python" / "aigclens" / "cli" / "samples" / "a1111.png"
    results = [try_on(python, options.wheel.resolve(), sample) for python in interpreters()]
    if size > options.largest:
        print(f"the wheel is larger than {options.largest:,} bytes", file=sys.stderr)
    if not all(results) or not results:
        print("the wheel does not work on every CPython", file=sys.stderr)
    return 0 if results and all(results) and size <= options.largest else 1


if __name__ == "__main__":
    sys.exit(main())
