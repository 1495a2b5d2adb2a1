"""Folders and patterns: what is found, in which order, and what stands in the place of what cannot be read."""

from __future__ import annotations

import os
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from aigclens.errors import AigcError, ConfigError, ImageFileError
from aigclens.scanning import inputs
from aigclens.scanning.inputs import folder as rooms
from aigclens.sources import coerce


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def keys(source: Any, **options: Any) -> list[str]:
    return [item.key for item in inputs.items(source, **options)]


def test_images_are_found_below_a_folder_in_the_order_of_their_names(tmp_path: Path) -> None:
    make(tmp_path, "b.PNG", "a.jpg", "c/d/e.webp", "c/a.JPEG", "notes.md", ".hidden.png", ".git/x.png", "noending")
    with inputs.items(tmp_path) as stream:
        found = list(stream)
        assert stream.skipped == 4, "notes.md, .hidden.png, .git and noending"
    assert [item.key for item in found] == ["a.jpg", "b.PNG", "c/a.JPEG", "c/d/e.webp"]
    assert found[3].source == found[3].shown == str(tmp_path / "c/d/e.webp")
    assert found[0].extra is None
    assert keys(str(tmp_path) + "/") == keys(tmp_path)
    assert keys(make(tmp_path / "empty", "x.md")) == []


def test_patterns_choose_files_and_leave_out_others(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "a.dat", "x/b.jpg", "x/y/c.jpg", "x/y/d.png", ".h/e.jpg", "x/[1].jpg")
    assert keys(tmp_path, glob="*.dat") == ["a.dat"]
    assert keys(tmp_path, glob="*.jpg") == ["a.jpg", "x/[1].jpg", "x/b.jpg", "x/y/c.jpg"]
    assert keys(tmp_path, glob="x/*.jpg") == ["x/[1].jpg", "x/b.jpg"]
    assert keys(tmp_path, glob="x/**") == ["x/[1].jpg", "x/b.jpg", "x/y/c.jpg", "x/y/d.png"]
    assert keys(tmp_path, glob="x/**/*.{jpg,png}", exclude="b.*") == ["x/[1].jpg", "x/y/c.jpg", "x/y/d.png"]
    assert keys(tmp_path, glob=["*.dat", "?.png"]) == ["a.dat", "x/y/d.png"]
    assert keys(tmp_path, glob="[!a].jpg") == ["x/b.jpg", "x/y/c.jpg"]
    assert keys(tmp_path, glob=".h/*.jpg") == [".h/e.jpg"]
    assert keys(tmp_path, exclude=["x", "*.dat"]) == ["a.jpg"]
    assert keys(tmp_path, exclude="x/*.jpg") == ["a.jpg", "x/y/c.jpg", "x/y/d.png"]
    stream = inputs.items(tmp_path, glob="x/y/*.jpg")
    assert [item.key for item in stream] == ["x/y/c.jpg"]
    assert stream.skipped == 6, "a.dat, a.jpg, .h, x/b.jpg, x/[1].jpg, x/y/d.png"
    stream = inputs.items(tmp_path, glob="*/b.jpg")
    assert [item.key for item in stream] == ["x/b.jpg"]
    assert stream.skipped == 5, "a.dat, a.jpg, .h, x/[1].jpg, and x/y without being looked into"
    assert keys(tmp_path, exclude="x/y") == ["a.jpg", "x/[1].jpg", "x/b.jpg"]


def test_a_pattern_as_the_source(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "x/b.jpg", "x/y/c.jpg", "x/[1].jpg")
    assert keys(f"{tmp_path}/*.jpg") == ["a.jpg"]
    assert keys(f"{tmp_path}/*/*.jpg") == ["x/[1].jpg", "x/b.jpg"]
    assert keys(f"{tmp_path}/**/*.jpg") == ["a.jpg", "x/[1].jpg", "x/b.jpg", "x/y/c.jpg"]
    assert keys(f"{tmp_path}/x/[1].jpg") == ["[1].jpg"], "a file of this very name comes first"
    with pytest.raises(ConfigError, match=r"no file matches '.*\*\.gif'"):
        inputs.items(f"{tmp_path}/*.gif")
    with pytest.raises(ConfigError, match="pattern already"):
        inputs.items(f"{tmp_path}/*.jpg", glob="*.png")


def test_a_source_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file or folder 'no/where'"):
        inputs.items("no/where")
    make(tmp_path, "s/1.tar", "s/2.tar")
    with pytest.raises(ConfigError, match=r"2 file\(s\) ending in '.tar'.*\*\*/\*\.tar"):
        inputs.items(tmp_path)
    with pytest.raises(ConfigError, match="url_column is for CSV"):
        inputs.items(make(tmp_path, "a.png") / "a.png", url_column="u")
    with pytest.raises(ConfigError, match="no CSV, JSONL or Parquet"):
        inputs.items(tmp_path, url_column="u")


def test_every_name_is_kept_and_can_be_stored(tmp_path: Path) -> None:
    """I19: what the file system holds comes back as it is; keys are valid Unicode."""
    names = [
        b"caf\xe9.png", "cafe\u0301.png".encode(), "caf\u00e9.png".encode(), "\U0001f600.png".encode(), b"-rf.png",
        b"a\nb.png", "\u202egnp.png".encode(), b"..png.png", b"x" * 251 + b".png", b"http:.png",
    ]  # fmt: skip
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    found = {item.key: item.source for item in inputs.items(tmp_path, glob=["*", ".*"])}
    assert len(found) == len(names)
    for key, source in found.items():
        kind, path = coerce(source)
        assert kind == "path"
        assert Path(path).read_bytes() in names
        key.encode()
    assert "caf\\xe9.png" in found
    assert {os.fsencode(Path(str(source)).name) for source in found.values()} == set(names)


def test_links_are_followed_to_files_and_loops_end(tmp_path: Path) -> None:
    """I20: links to files are followed, to folders if that was asked for, and no loop is gone round."""
    make(tmp_path, "in/a.png", "out/b.png", "out/deep/c.png")
    (tmp_path / "in/file.png").symlink_to(tmp_path / "out/b.png")
    (tmp_path / "in/folder").symlink_to(tmp_path / "out")
    (tmp_path / "out/deep/back").symlink_to(tmp_path / "out")
    (tmp_path / "in/self.png").symlink_to(tmp_path / "in/self.png")
    (tmp_path / "in/up").symlink_to(tmp_path / "in")
    stream = inputs.items(tmp_path / "in")
    assert [item.key for item in stream] == ["a.png", "file.png", "self.png"]
    assert stream.skipped == 2
    found = list(inputs.items(tmp_path / "in", follow_symlinks=True))
    good = [item.key for item in found if not isinstance(item.source, AigcError)]
    bad = {item.key: str(item.source) for item in found if isinstance(item.source, ImageFileError)}
    assert good == ["a.png", "file.png", "folder/b.png", "folder/deep/c.png", "self.png"]
    assert set(bad) == {"folder/deep/back", "up"}
    (tmp_path / "in/twice").symlink_to(tmp_path / "out")
    stream = inputs.items(tmp_path / "in", follow_symlinks=True)
    assert [item.key for item in stream if item.key.startswith("twice")] == [], "it was looked through as in/folder"
    assert stream.skipped == 1
    assert all("leads back" in why for why in bad.values())


def test_a_folder_that_cannot_be_read_is_one_item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I22: a directory that goes away while the walk comes near is an error of its own, and the walk goes on."""
    make(tmp_path, "a/1.png", "b/2.png", "c/3.png")
    stream = inputs.items(tmp_path)
    assert next(stream).key == "a/1.png"
    (tmp_path / "b/2.png").unlink()
    (tmp_path / "b").rmdir()
    gone, last = list(stream)
    assert (gone.key, last.key) == ("b", "c/3.png")
    assert isinstance(gone.source, ImageFileError)
    assert gone.source.errno == 2
    real = os.scandir

    class Stumbling:
        def __init__(self, path: str) -> None:
            self._real = real(path)
            self._count = 0

        def __iter__(self) -> Stumbling:
            return self

        def __next__(self) -> os.DirEntry[str]:
            self._count += 1
            if self._count > 1:
                raise OSError(5, "Input/output error")
            return next(self._real)

        def close(self) -> None:
            self._real.close()

    make(tmp_path, "c/4.png")
    monkeypatch.setattr(os, "scandir", lambda path: Stumbling(path) if str(path).endswith("c") else real(path))
    found = list(inputs.items(tmp_path))
    assert [item.key for item in found][:1] == ["a/1.png"]
    assert [str(item.source) for item in found if isinstance(item.source, ImageFileError)] == [
        f"cannot read '{tmp_path}/c': Input/output error"
    ]
    assert len(found) == 3, "what was read before the error is kept"


@pytest.mark.skipif(sys.platform != "linux", reason="a million names are made quickly on Linux alone")
def test_a_directory_of_very_many_files_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I22: a tenth of the real bound here, over ten times as many files."""
    monkeypatch.setattr(rooms, "BATCH", 1_000)
    for number in range(20_000):
        os.close(os.open(tmp_path / f"{number:07}.png", os.O_CREAT | os.O_WRONLY))
    seen = 0
    tracemalloc.start()
    try:
        for _ in inputs.items(tmp_path):
            seen += 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen == 20_000
    assert peak < 1_500_000, "20,000 entries at once would be some 5 MB"


def test_closing_a_stream_gives_its_directories_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "BATCH", 2)
    make(tmp_path, *(f"{one}/{two}.png" for one in "abcdef" for two in range(5)))
    before = len(os.listdir("/proc/self/fd"))
    stream = inputs.items(tmp_path)
    next(stream)
    assert len(os.listdir("/proc/self/fd")) > before
    stream.close()
    stream.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert list(stream) == []
