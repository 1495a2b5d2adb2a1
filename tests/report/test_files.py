"""Where outputs are written: nothing by accident, through no link, never half."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aigclens import ConfigError
from aigclens.report import Writer, format_of, write
from aigclens.scanning.rows import ScanRow
from scan_rows import again, answered

FORMATS = ("jsonl", "csv", "parquet")


@pytest.fixture(params=FORMATS)
def suffix(request: pytest.FixtureRequest) -> str:
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return str(request.param)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_the_format_is_the_suffix_or_what_is_said() -> None:
    assert [format_of(f"a.{suffix}") for suffix in ("jsonl", "NDJSON", "csv", "parquet", "pq")] == [
        "jsonl", "jsonl", "csv", "parquet", "parquet",
    ]  # fmt: skip
    assert format_of("a.txt", "csv") == "csv"
    for path, said in (("a.txt", None), ("a", None), ("a.csv", "xml"), ("a.csv", "CSV")):
        with pytest.raises(ConfigError):
            format_of(path, said)


@pytest.mark.parametrize("resume", [False, True])
def test_a_file_of_others_is_not_overwritten(tmp_path: Path, suffix: str, resume: bool) -> None:
    """N05: refused before anything is written, unless `force` says so."""
    path = tmp_path / f"precious.{suffix}"
    path.write_bytes(b"precious,\n")
    with pytest.raises(ConfigError, match="force"):
        Writer(path, resume=resume)
    assert (path.read_bytes(), names(tmp_path)) == (b"precious,\n", [path.name])
    with Writer(path, resume=resume, force=True) as writer:
        writer.write(answered("a.png"))
    assert path.read_bytes() != b"precious,\n"
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("force", [False, True])
def test_links_folders_and_devices_are_refused(tmp_path: Path, suffix: str, resume: bool, force: bool) -> None:
    """N05: also with `force`, which is for plain files."""
    target = tmp_path / "target"
    target.write_bytes(b"")
    link, dangling, folder, pipe = (tmp_path / f"{name}.{suffix}" for name in ("link", "dangling", "folder", "pipe"))
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "nowhere")
    folder.mkdir()
    os.mkfifo(pipe)
    missing = tmp_path / "nowhere" / ".." / "nowhere" / f"out.{suffix}"
    before = names(tmp_path)
    for path, said in (
        (link, "link"), (dangling, "link"), (folder, "folder"), (pipe, "regular"), (missing, "does not exist"),
        (tmp_path / f"{'x' * 300}.{suffix}", "cannot be written"),
        (Path(f"/proc/nobody.{suffix}"), "cannot be written"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=said) as caught:
            Writer(path, resume=resume, force=force)
        assert "\n" not in str(caught.value)
    assert (names(tmp_path), target.read_bytes()) == (before, b"")


def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    """N05: nor a second name of a file that is somebody else's."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    part = tmp_path / ".out.csv.part"
    for plant in (part.symlink_to, part.hardlink_to):
        plant(victim)
        with pytest.raises(ConfigError):
            Writer(tmp_path / "out.csv")
        part.unlink()
    assert victim.read_bytes() == b"precious"


def test_an_export_appears_when_it_is_complete(tmp_path: Path, suffix: str) -> None:
    """L26: at once; one that fails leaves nothing, and what was there as it was."""
    path = tmp_path / f"out.{suffix}"

    def rows(count: int, *, breaks: bool) -> Iterator[ScanRow]:
        for number in range(count):
            assert not path.exists() or path.read_bytes() == before
            yield answered(f"{number}.png")
        if breaks:
            raise RuntimeError("the source broke")

    before = b""
    with pytest.raises(RuntimeError, match="broke"):
        write(rows(3, breaks=True), path)
    assert names(tmp_path) == []
    assert write(rows(3, breaks=False), path) == 3
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="broke"):
        write(rows(5, breaks=True), path, force=True)
    assert (path.read_bytes(), names(tmp_path)) == (before, [path.name])


def test_a_file_that_was_made_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """N05: what was written stays under its other name, which the error says."""
    path = tmp_path / "out.csv"
    writer = Writer(path)
    writer.write(answered("a.png"))
    path.write_text("theirs")
    with pytest.raises(ConfigError, match=r"\.out\.csv\.part"):
        writer.close()
    assert path.read_text() == "theirs"
    assert "a.png" in (tmp_path / ".out.csv.part").read_text()


def test_a_link_that_was_made_meanwhile_is_not_followed(tmp_path: Path) -> None:
    """N05: with `force` too."""
    path, victim = tmp_path / "out.csv", tmp_path / "victim"
    victim.write_text("precious")
    path.write_text("mine")
    writer = Writer(path, force=True)
    path.unlink()
    path.symlink_to(victim)
    with pytest.raises(ConfigError, match="link"):
        writer.close()
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_output_of_ours_is_written_anew(tmp_path: Path, suffix: str) -> None:
    """Without `force`, since the same command goes on; a run that was stopped early does not shorten it."""
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"out.{suffix}"

    def run(count: int, *, complete: bool) -> Writer:
        writer = Writer(path, resume=True)
        for number in range(count):
            writer.write(again(answered(f"{number}\n.png")))
        writer.close(complete=complete)
        return writer

    assert not run(3, complete=False).kept
    three = path.read_bytes()
    assert run(2, complete=False).kept
    assert path.read_bytes() == three
    assert not run(4, complete=False).kept
    assert path.read_bytes() != three
    assert not run(3, complete=True).kept
    assert names(tmp_path) == [path.name]
    with pytest.raises(ConfigError, match="exists"):
        write([], path)


def test_a_killed_publisher_leaves_nothing_that_stands_in_the_way(tmp_path: Path) -> None:
    """Between the two steps of giving a file its name, and before them."""
    path, part = tmp_path / "out.csv", tmp_path / ".out.csv.part"
    part.write_text("half of it")
    write([answered("a.png")], path)
    part.hardlink_to(path)
    write([answered("b.png")], path, force=True)
    assert names(tmp_path) == [path.name]
    assert "b.png" in path.read_text()


def test_jsonl_export_has_every_row(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert write((answered(f"{number}.png") for number in range(2000)), path) == 2000
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == [
        f"{number}.png" for number in range(2000)
    ]
    writer = Writer(tmp_path / "other.jsonl")
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write(answered("a.png"))
