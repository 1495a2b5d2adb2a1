"""Declarations on the command line: what saves a call, and what is said of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import images
from aigclens.testing import Emulator
from scan_stage import charged

COMMAND = [sys.executable, "-W", "error", "-m", "aigclens"]


def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, timeout=60, check=False)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """One that declares itself generated, one captured."""
    for name, source_type in (("generated", "trainedAlgorithmicMedia"), ("captured", "digitalCapture")):
        (tmp_path / f"{name}.png").write_bytes(images.png(64, 64, xmp=images.XMP.format(source_type)))
    return tmp_path


def lines(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    return done.stdout.decode().splitlines()


def test_detect_tells_of_declarations_and_where_they_disagree(aigclens_emulator: Emulator, files: Path) -> None:
    aigclens_emulator.settings(judge={"label": "nonLabel", "confidence": None})
    done = run("detect", str(files / "generated.png"), str(files / "captured.png"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert lines(done)[-3:] == [
        f"{files}/generated.png: declares generated: trainedAlgorithmicMedia [iptc, declared]",
        f"{files}/generated.png: its declaration and the verdict disagree",
        f"{files}/captured.png: declares captured: digitalCapture [iptc, declared]",
    ]
    done = run("detect", "--precheck", "off", str(files / "generated.png"))
    assert len(lines(done)) == 3


def test_detect_saves_the_call(aigclens_emulator: Emulator, files: Path) -> None:
    name = str(files / "generated.png")
    done = run("detect", "--precheck", "skip_declared", "--skip-sources", "c2pa, iptc", name)
    assert lines(done)[2].split()[1:] == ["yes", "aigc", "-", "-", "provenance", "not_billed"]
    (facts,) = map(json.loads, lines(run("detect", "--json", "--precheck", "skip_declared", name)))
    assert (facts["engine"], facts["evidence"][0]["source"], facts["disagrees"]) == ("provenance", "iptc", False)
    assert charged(aigclens_emulator) == 0
    run("detect", "--precheck", "skip_declared", "--skip-sources", "c2pa", "--skip-sources", "exif", name)
    assert charged(aigclens_emulator) == 1


@pytest.mark.usefixtures("aigclens_emulator")
@pytest.mark.parametrize("command", ["detect", "scan", "estimate"])
def test_wrong_words_are_refused(command: str) -> None:
    for wrong in (["--precheck", "skip"], ["--skip-sources", "synthid"], ["--skip-sources", ""]):
        done = run(command, "x.png", *wrong)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"error: argument " in done.stderr


@pytest.mark.parametrize("command", ["detect", "scan", "estimate"])
def test_who_names_sources_does_not_pay_unawares(aigclens_emulator: Emulator, files: Path, command: str) -> None:
    done = run(command, "--skip-sources", "iptc", str(files / "generated.png"))
    assert (done.returncode, done.stdout) == (4 if command == "detect" else 2, b"")
    assert done.stderr.endswith(b"--skip-sources is for --precheck skip_declared, and it is report\n")
    assert b"Traceback" not in done.stderr
    assert charged(aigclens_emulator) == 0


def test_scan_and_estimate_tell_how_many(aigclens_emulator: Emulator, files: Path) -> None:
    source = str(files / "*.png")
    skip = ("--precheck", "skip_declared")
    (facts,) = map(json.loads, lines(run("estimate", "--json", *skip, source)))
    assert (facts["declared"], facts["calls"]) == (1, 1)
    assert any(
        line.split() == ["declared,", "not", "asked", "about", "1"] for line in lines(run("estimate", *skip, source))
    )
    aigclens_emulator.settings(judge={"label": "aigc", "confidence": 70.0})
    done = run("scan", "--ordered", *skip, "--skip-sources", "iptc", source)
    assert done.returncode == 0
    rows = [line.split("\t") for line in lines(done)]
    assert [(row[0], row[1], row[5]) for row in rows] == [
        ("captured.png", "yes", "billed"),
        ("generated.png", "yes", "declared"),
    ]
    told = done.stderr.decode().splitlines()
    assert "aigclens: 1 not asked about: declared to be AI-generated" in told
    assert "aigclens: declaration and verdict disagree: 1 image" in told
    assert charged(aigclens_emulator) == 1
    aigclens_emulator.settings(judge="provenance")
    told = run("scan", source).stderr.decode().splitlines()
    assert not any("not asked about" in line or "disagree" in line for line in told)
