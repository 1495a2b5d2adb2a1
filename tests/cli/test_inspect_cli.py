"""`aigclens inspect`: what it prints, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
