"""Images of tar and zip files as items, and how the shards of a set follow each other."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from aigclens import _native
from aigclens.errors import AigcError, ConfigError, ImageFileError, ImageFileNotFound, InvalidUrl
from aigclens.scanning import inputs
from aigclens.scanning.inputs import Item


def shard(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def img2dataset(first: int, count: int) -> dict[str, bytes]:
    made = {}
    for number in range(first, first + count):
        key = f"{number:09}"
        about = {"url": f"https://a/{number}", "caption": f"c{number}", "key": key, "status": "success", "width": 5}
        made[f"{key}.jpg"] = b"image %d" % number
        made[f"{key}.json"] = json.dumps(about).encode()
        made[f"{key}.txt"] = b"c%d" % number
    return made


def read(source: Any, **options: Any) -> list[Item]:
    with inputs.items(source, **options) as stream:
        return list(stream)


def content(item: Item) -> bytes:
    assert isinstance(item.source, _native.Member), item
    return item.source.read()


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("gz.tar", "w:gz")]
)
def test_an_img2dataset_shard(tmp_path: Path, name: str, mode: str) -> None:
    path = shard(tmp_path / name, img2dataset(0, 3), mode)
    found = read(path)
    assert [item.key for item in found] == ["000000000", "000000001", "000000002"]
    assert [content(item) for item in found] == [b"image 0", b"image 1", b"image 2"]
    assert found[1].shown == f"{path}/000000001.jpg"
    assert [item.extra for item in found] == [None, None, None]
    assert read(path, carry=["caption", "status", "absent"])[2].extra == {
        "caption": "c2", "status": "success", "absent": None,
    }  # fmt: skip
    every = read(path, carry="*")[0].extra
    assert every == {
        "url": "https://a/0", "caption": "c0", "key": "000000000", "status": "success", "width": 5, "txt": "c0",
    }  # fmt: skip


def test_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("photos/", b"")
        made.writestr("photos/1.PNG", b"one" * 1000)
        made.writestr("photos/ä.jpg", b"two", zipfile.ZIP_STORED)
        made.writestr("__MACOSX/photos/._1.PNG", b"x")
        made.writestr("photos/read.me", b"x")
    with inputs.items(tmp_path / "a.zip") as stream:
        found = list(stream)
        assert stream.skipped == 2
    assert [(item.key, content(item)) for item in found] == [("photos/1", b"one" * 1000), ("photos/ä", b"two")]
    member = found[0].source
    assert isinstance(member, _native.Member)
    assert (member.name, member.size, member.shard) == ("photos/1.PNG", 3000, str(tmp_path / "a.zip"))


def test_members_outlive_the_stream_that_they_came_from(tmp_path: Path) -> None:
    found = read(shard(tmp_path / "a.tar", img2dataset(0, 50)))
    (tmp_path / "a.tar").unlink()
    assert [content(item) for item in reversed(found)] == [b"image %d" % n for n in reversed(range(50))]
    del found
    assert not any("a.tar" in os.readlink(f"/proc/self/fd/{fd}") for fd in _open())


def _open() -> list[str]:
    return [fd for fd in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{fd}")]


def test_a_set_of_shards_and_one_that_is_cut(tmp_path: Path) -> None:
    for number in range(4):
        shard(tmp_path / f"{number:06}.tar", img2dataset(number * 10, 10))
    cut = tmp_path / "000001.tar"
    cut.write_bytes(cut.read_bytes()[: 512 * 2 * 3 * 4 + 512 + 3])
    (tmp_path / "000002.tar").unlink()
    found = read(f"{tmp_path}/{{000000..000003}}.tar")
    assert [item.key for item in found] == [
        *(f"{n:09}" for n in range(10)),
        *(f"{n:09}" for n in range(10, 14)),
        "000001.tar",
        f"{tmp_path}/000002.tar",
        *(f"{n:09}" for n in range(30, 40)),
    ]
    assert isinstance(found[14].source, ImageFileError)
    assert "cut short inside of '000000014.jpg'" in str(found[14].source)
    assert isinstance(found[15].source, ImageFileNotFound)
    for source, options in [
        (f"{tmp_path}/*.tar", {}),
        (tmp_path, {"glob": "*.tar"}),
        ([tmp_path / f"{n:06}.tar" for n in (0, 1, 3)], {}),
        ([str(tmp_path / "{000000..000001}.tar"), str(tmp_path / "000003.tar")], {}),
    ]:
        assert [item.key for item in read(source, **options)] == [item.key for item in found if "/" not in item.key]
    assert inputs.total([str(tmp_path / "000000.tar")]) is None


def test_what_is_no_shard(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"<html>not found</html>")
    (item,) = read(tmp_path / "a.tar")
    assert isinstance(item.source, ImageFileError)
    assert (item.key, item.shown) == ("a.tar", str(tmp_path / "a.tar"))
    assert "is no tar" in str(item.source)
    assert item.source.filename == str(tmp_path / "a.tar")
    with pytest.raises(ConfigError, match="download it and pass the file"):
        inputs.items("https://a.example/shards/000.tar?token=secret")
    remote = read("https://a.example/{000..001}.tar?token=secret")
    assert all(isinstance(item.source, InvalidUrl) and "secret" not in str(item.source) for item in remote)
    assert len(remote) == 2
    for option in ("url_column", "key_column", "glob", "exclude"):
        with pytest.raises(ConfigError, match=f"{option} is for"):
            read(tmp_path / "a.tar", **{option: "x"})
    with pytest.raises(ImageFileNotFound):
        _native.Archive(str(tmp_path / "none.tar"), False)


def test_names_of_any_bytes(tmp_path: Path) -> None:
    """I19: the name of a shard and those in it are whatever their makers wrote."""
    path = shard(
        tmp_path / os.fsdecode(b"caf\xe9.tar"), {os.fsdecode(b"\xff\xfe/n\xe4.png"): b"x", "../../up.png": b"y"}
    )
    found = read(path)
    assert [(item.key, content(item)) for item in found] == [("\\xff\\xfe/n\\xe4", b"x"), ("../../up", b"y")]
    assert found[0].shown == f"{tmp_path}/caf\\xe9.tar/\\xff\\xfe/n\\xe4.png"


def test_a_bomb_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("bomb.png", bytes(40 << 20))
    (item,) = read(tmp_path / "a.zip")
    with pytest.raises(AigcError, match="41943040 bytes, more than"):
        content(item)


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_a_tar_of_very_many_members_is_walked_in_little_memory(tmp_path: Path) -> None:
    """I22: names and headers come and go."""
    header = tarfile.TarInfo("x.png").tobuf(tarfile.GNU_FORMAT)
    with open(tmp_path / "a.tar", "wb") as file:
        file.writelines(header for _ in range(100_000))
        file.write(bytes(1024))
    before = _resident()
    assert sum(1 for _ in inputs.items(tmp_path / "a.tar")) == 100_000
    assert _resident() - before < 16 * 1024 * 1024


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
