"""Fills the virtual environment of the benchmarks, and finds out how large each package is with all that it needs.

    python benches/environment.py ENVIRONMENT [--wheel WHEEL | --sizes]

Installs the peers, and writes ENVIRONMENT/peers.json: what would not install. Then, with `--wheel`, installs ours and
adds its size; with `--sizes`, adds the installed size of each peer, which takes minutes. Never fails for a peer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OFFICIAL = ["alibabacloud_green20220302==3.6.9", "alibabacloud_tea_openapi==0.4.6"]
SIZED = {
    "official SDK": OFFICIAL,
    "official SDK + oss2": [*OFFICIAL, "oss2==2.19.1"],
    "httpx": ["httpx==0.28.1"],
    "aiohttp": ["aiohttp==3.14.5"],
    "pyreqwest": ["pyreqwest==0.15.1"],
}


def pip(python: Path, *arguments: str) -> str | None:
    """Installs; returns the last line of what pip says if it fails."""
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["pip failed"])[-1]


def size(python: Path, requirements: list[str]) -> dict[str, Any]:
    """The sum of all files that pip puts into an empty folder for these, compiled modules included as it does."""
    folder = Path(tempfile.mkdtemp(prefix="size-", dir=python.parents[1]))
    try:
        if trouble := pip(python, "--target", str(folder), *requirements):
            return {"error": trouble}
        files = [path for path in folder.rglob("*") if path.is_file() and path.parts[len(folder.parts)] != "bin"]
        packages = len(list(folder.glob("*.dist-info")))
        return {"bytes": sum(path.stat().st_size for path in files), "packages": packages}
    finally:
        shutil.rmtree(folder)


def peers(python: Path) -> dict[str, str]:
    """Installs all of them, and says what would not be."""
    missing: dict[str, str] = {}
    for line in (HERE / "requirements.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if trouble := pip(python, *line.split()):
            missing[line] = trouble
            print(f"{line} cannot be installed: {trouble}", file=sys.stderr)
    return missing


def main() -> None:
    """Installs, or measures; writes down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", type=Path)
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--sizes", action="store_true")
    given = parser.parse_args()
    environment = given.environment.absolute()
    python, noted = environment / "bin" / "python", environment / "peers.json"
    if given.wheel is None and not given.sizes:
        found: dict[str, Any] = {"missing": peers(python), "sizes": {}}
    else:
        found = json.loads(noted.read_text())
    if given.wheel is not None:
        wheel = str(given.wheel.absolute())
        if trouble := pip(python, "--force-reinstall", "--no-deps", "--no-index", wheel):
            sys.exit(f"the wheel cannot be installed: {trouble}")
        found["sizes"]["aigclens"] = size(python, ["--no-index", wheel])
    if given.sizes:
        found["sizes"] |= {name: size(python, requirements) for name, requirements in SIZED.items()}
    noted.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
