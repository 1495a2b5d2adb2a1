"""`aigclens inspect`: what it prints, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

import images

DECLARED = images.png(8, 8, xmp=images.XMP.format("trainedAlgorithmicMedia"))


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-W", "error", "-m", "aigclens", "inspect", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


def test_declarations_are_listed_and_nothing_is_said_to_be_nothing(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m.png").write_bytes(DECLARED)
    (tmp_path / "b.png").write_bytes(images.png(8, 8))
    done = run(str(tmp_path / "a\x1b[31m.png"), str(tmp_path / "b.png"))
    assert (done.returncode, done.stderr) == (0, b"")
    first, declared, second = done.stdout.decode().splitlines()
    assert first.endswith("PNG, declares generated")
    assert declared.startswith("  generated: trainedAlgorithmicMedia [iptc, declared] at png:iTXt@")
    assert second.endswith("b.png: PNG, declares nothing")
    assert b"\x1b" not in done.stdout, "a name must not steer the terminal"


def test_what_was_found_is_shown_in_short_lines(tmp_path: Path) -> None:
    prompt = "a cat\x1b[31m " * 300
    text = f"{prompt}\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12, Size: 512x512, Model: real_v20"
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", text)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    done = run(str(tmp_path))
    lines = done.stdout.decode().splitlines()
    assert lines[1].startswith("  generated: Stable Diffusion web UI [generator_text, strong] at png:tEXt@")
    assert "    model: real_v20" in lines
    (shown,) = (line for line in lines if line.startswith("    prompt: "))
    assert shown.endswith("…")
    assert max(map(len, lines[1:])) < 200
    assert b"\x1b" not in done.stdout


def test_manifests_are_told_of_whatever_they_declare(tmp_path: Path) -> None:
    c2pa_files = pytest.importorskip("c2pa_files", reason="c2pa-python is not installed")
    signed = c2pa_files.signed("PNG", c2pa_files.actions(("c2pa.created", None), ("c2pa.cropped", None)))
    (tmp_path / "a.png").write_bytes(signed)
    first, second = run(str(tmp_path)).stdout.decode().splitlines()
    assert first.endswith("PNG, declares nothing")
    assert second.startswith("  C2PA manifest of the file itself, by Maker")
    assert second.endswith(": c2pa.created, c2pa.cropped")
    generated = c2pa_files.signed("PNG", c2pa_files.actions(("c2pa.created", c2pa_files.AI)))
    (tmp_path / "a.png").write_bytes(generated)
    lines = run(str(tmp_path)).stdout.decode().splitlines()
    assert "    action: c2pa.created" in lines
    assert not any(line.startswith(("    manifest:", "    assertion:")) for line in lines), "they stand in the place"


def test_an_empty_folder_and_a_list_without_verifying_are_told(tmp_path: Path) -> None:
    done = run(str(tmp_path))
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == f"aigclens: {tmp_path}: no images in this folder\n".encode()
    done = run("--trust", "list.pem", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"aigclens: --trust is for --verify: without it nothing is verified\n"


def test_json_has_one_object_a_file_and_failures_have_a_line_too(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "one.png").write_bytes(DECLARED)
    (tmp_path / "two.png").write_bytes(images.png(8, 8))
    done = run("--json", str(tmp_path), "nowhere.png", "-", stdin=DECLARED)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [(Path(row["source"]).name, row["ok"]) for row in rows] == [
        ("one.png", True),
        ("two.png", True),
        ("nowhere.png", False),
        ("-", True),
    ]
    assert [row.get("declares") for row in rows] == ["generated", None, None, "generated"]
    assert (rows[2]["error"], done.stderr.count(b"\n")) == ("ImageFileNotFound", 1)
    assert b"Traceback" not in done.stderr


def test_a_url_is_not_fetched() -> None:
    done = run("https://example.com/cat.png")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"UnsupportedSource" in done.stderr
