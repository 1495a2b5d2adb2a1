"""Every kind of source arrives as the image it is, by both clients."""

from __future__ import annotations

import array
import asyncio
import io
import mmap
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import aigclens
import images
from aigclens.testing import Emulator
from servers import Answer, RecordingServer


@pytest.fixture
def path(tmp_path: Path, declared_png: bytes) -> Path:
    target = tmp_path / "image é 图\n😀.jpg"  # A wrong suffix, and a name for nobody's terminal (I06, I19).
    target.write_bytes(declared_png)
    return target


def asked(emulator: Emulator, source: Any) -> aigclens.Detection:
    with emulator.client() as client:
        found = client.detect(source)

    async def awaited() -> aigclens.Detection:
        async with emulator.async_client() as client:
            return await client.detect(source() if callable(source) else source)

    if not hasattr(source, "read"):
        assert asyncio.run(awaited()).label == found.label
    return found


def test_paths(emulator: Emulator, path: Path) -> None:
    for source in (path, str(path), os.fspath(path)):
        assert asked(emulator, source).is_aigc
    (put, *_) = [request for request in emulator.requests() if request["action"] == "PutObject"]
    assert put["path"].endswith(".png"), "the suffix is the content's"
    assert "image" not in put["path"], "the user's name stays here (K11)"


def test_a_path_that_is_no_text(emulator: Emulator, tmp_path: Path, declared_png: bytes) -> None:
    """I19."""

    class ByteName(os.PathLike[bytes]):
        def __fspath__(self) -> bytes:
            return os.fsencode(tmp_path) + b"/\xff\xfe.png"

    Path(os.fsdecode(ByteName().__fspath__())).write_bytes(declared_png)
    assert asked(emulator, ByteName()).is_aigc


def test_buffers_and_files(emulator: Emulator, path: Path, declared_png: bytes) -> None:
    for source in (declared_png, bytearray(declared_png), memoryview(declared_png), array.array("B", declared_png)):
        assert asked(emulator, source).is_aigc
    assert asked(emulator, memoryview(declared_png + declared_png)[: len(declared_png)]).is_aigc
    every_second = bytearray(2 * len(declared_png))
    every_second[::2] = declared_png
    assert asked(emulator, memoryview(every_second)[::2]).is_aigc
    assert asked(emulator, io.BytesIO(declared_png)).is_aigc
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert asked(emulator, file).is_aigc
        assert asked(emulator, mapped).is_aigc
    with path.open("rb", buffering=0) as raw:
        assert asked(emulator, raw).is_aigc


def uploaded(source: Any) -> bytes:
    """The bytes that arrive at the storage."""
    puts = []

    def answer(request: Any) -> Answer:
        import json
        import time

        if request.method == "PUT":
            puts.append(request.body)
        if request.header("x-acs-action") != "DescribeUploadToken":
            return Answer()
        data = dict.fromkeys(("AccessKeyId", "AccessKeySecret", "SecurityToken", "BucketName"), "abc")
        data |= {"FileNamePrefix": "p/", "OssInternetEndPoint": server.url, "Expiration": int(time.time()) + 999}  # type: ignore[dict-item]
        return Answer(body=json.dumps({"Code": 200, "Data": data}).encode())

    with RecordingServer(answer) as server:
        credentials = aigclens.Credentials("id", "secret")
        with aigclens.Client(endpoint=server.url, credentials=credentials) as client:
            client.detect(source)
    (put,) = puts
    assert isinstance(put, bytes)
    return put


RANDOM = np.random.default_rng(7)


@pytest.mark.parametrize(
    "shape", [(220, 300, 3), (220, 300, 4), (220, 300, 1), (220, 300), (1, 1, 3), (3, 1, 4), (1, 5)]
)
def test_arrays_arrive_without_a_loss(shape: tuple[int, ...]) -> None:
    pixels = RANDOM.integers(0, 256, shape, dtype="uint8")
    arrived = np.asarray(Image.open(io.BytesIO(uploaded(pixels))))
    assert (arrived.reshape(shape) == pixels).all()


def test_arrays_of_any_layout() -> None:
    pixels = RANDOM.integers(0, 256, (240, 320, 3), dtype="uint8")
    for view in (pixels[::-1, ::2], pixels.transpose(1, 0, 2), np.asfortranarray(pixels), pixels[..., ::-1]):
        assert (np.asarray(Image.open(io.BytesIO(uploaded(view)))) == view).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "YCbCr"])
def test_pil_images_arrive_without_a_loss(mode: str) -> None:
    colors = Image.fromarray(RANDOM.integers(0, 256, (210, 220, 3), dtype="uint8"))
    image = Image.new("I;16", (210, 220), 40_000) if mode == "I;16" else colors.convert(mode)
    arrived = Image.open(io.BytesIO(uploaded(image)))
    if mode in ("CMYK", "YCbCr", "I;16"):
        assert arrived.mode == mode
        assert np.array_equal(np.asarray(arrived), np.asarray(image))
    else:
        assert np.array_equal(np.asarray(arrived.convert("RGBA")), np.asarray(image.convert("RGBA")))


def test_urls_and_objects_are_not_uploaded(emulator: Emulator) -> None:
    emulator.answer(url="https://img.example/cat.png", label="aigc", confidence=81.88)
    emulator.answer(url="oss://bucket/a/key é.png", label="ugc", confidence=12.5)
    assert asked(emulator, "https://img.example/cat.png").confidence == 81.88
    with emulator.client(region="eu-west-1") as client:
        for source in ("oss://bucket/a/key é.png", aigclens.OssObject("bucket", "a/key é.png")):
            assert client.detect(source).confidence == 12.5
    with emulator.client() as client:
        assert client.detect(aigclens.OssObject("bucket", "a/key é.png", "oss-cn-beijing")).confidence == 12.5
    parameters = [request["parameters"] for request in emulator.requests()]
    assert [one.get("ossRegionId") for one in parameters] == [None, None, "eu-west-1", "eu-west-1", "cn-beijing"]
    assert {request["action"] for request in emulator.requests()} == {"ImageModeration"}


class Awaitable:
    async def read(self, size: int = -1) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (None, aigclens.UnsupportedSource),
        (7, aigclens.UnsupportedSource),
        ({"url": "x"}, aigclens.UnsupportedSource),
        (object(), aigclens.UnsupportedSource),
        (io.StringIO("text"), aigclens.UnsupportedSource),
        (Awaitable(), aigclens.UnsupportedSource),
        (np.zeros((2, 2, 3)), aigclens.UnsupportedSource),
        (np.zeros((2, 2, 5), dtype="uint8"), aigclens.UnsupportedSource),
        (np.zeros(4, dtype="uint8"), aigclens.UnsupportedSource),
        (np.zeros((0, 4, 3), dtype="uint8"), aigclens.ImageFileError),
        (Image.new("F", (3, 3)), aigclens.UnsupportedSource),
        (Image.new("RGB", (0, 3)), aigclens.ImageFileError),
        (["https://a.example/1", "https://a.example/2"], aigclens.InvalidUrl),
        ("", aigclens.InvalidParameter),
        ("  ", aigclens.InvalidParameter),
        (b"", aigclens.ImageFileError),
        (io.BytesIO(b""), aigclens.ImageFileError),
        (b"hello", aigclens.UnsupportedImageFormat),
        ("ftp://img.example/a", aigclens.InvalidUrl),
        ("file:///etc/passwd", aigclens.InvalidUrl),
        ("data:image/png;base64,AAAA", aigclens.InvalidUrl),
        ("javascript:alert(1)", aigclens.InvalidUrl),
        ("//img.example/a", aigclens.InvalidUrl),
        ("gopher://x/y", aigclens.InvalidUrl),
        ("http:/one.example/slash", aigclens.InvalidUrl),
        (" https://img.example/a", aigclens.InvalidUrl),
        ("https://a.example/1 https://a.example/2", aigclens.InvalidUrl),
        ("https://me:hunter2@img.example/a", aigclens.InvalidUrl),
        (Path("https://img.example/a"), aigclens.InvalidUrl),
        ("nowhere.png", aigclens.ImageFileNotFound),
        ("img.example/a.png", aigclens.ImageFileNotFound),
        ("a\0b", aigclens.ImageFileError),
        ("\ud800", aigclens.AigcError),
        ("https://img.example/\ud800", aigclens.InputError),
        ("/", aigclens.ImageFileError),
        ("/dev/zero", aigclens.ImageFileError),
        ("oss://bucket", aigclens.InvalidParameter),
        ("oss:bucket/key", aigclens.InvalidParameter),
        (aigclens.OssObject("bucket", "/key", "us-east-1"), aigclens.InvalidParameter),
        (aigclens.OssObject("bucket", "key"), aigclens.InvalidParameter),
        (bytes(20 * 1024 * 1024 + 1), aigclens.ImageTooLarge),
        (images.png(20_000, 1), aigclens.ImageTooLarge),
    ],
    ids=lambda value: repr(value)[:40] if not isinstance(value, type) else value.__name__,
)
def test_what_is_no_image_is_refused_before_any_packet(emulator: Emulator, source: Any, kind: type) -> None:
    """I01 to I05, I25, J01, J05, J08, J10, J13."""
    with emulator.client() as client, pytest.raises(kind) as refused:
        client.detect(source)

    async def awaited() -> None:
        async with emulator.async_client() as client:
            await client.detect(source)

    with pytest.raises(kind):
        asyncio.run(awaited())
    error = refused.value
    assert isinstance(error, aigclens.AigcError)
    assert (error.billing, error.attempts) == ("not_billed", ())
    assert "\n" not in str(error)
    assert "hunter2" not in str(error)
    assert emulator.connections()["accepted"] == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs os.mkfifo")
def test_what_is_no_file_does_not_hang(emulator: Emulator, tmp_path: Path) -> None:
    """I02: refused for what it is, and not by the call's time-out; in both doors."""
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        (tmp_path / "link").symlink_to(tmp_path / "fifo")
        names: list[Any] = [
            tmp_path / "fifo",
            tmp_path / "link",
            tmp_path / "socket",
            "/dev/zero",
            "/dev/full",
            "/dev/ptmx",
        ]
        for path in (one for one in names if os.path.exists(one)):

            async def awaited(path: Any = path) -> None:
                async with emulator.async_client() as client:
                    await client.detect(path, total_timeout=30)

            with emulator.client() as client, pytest.raises(aigclens.ImageFileError, match=r"cannot (use|read)"):
                client.detect(path, total_timeout=30)
            with pytest.raises(aigclens.ImageFileError, match=r"cannot (use|read)"):
                asyncio.run(awaited())
    with emulator.client() as client, pytest.raises(aigclens.ImageFileError, match="a directory"):
        client.detect(tmp_path)
    assert emulator.connections()["accepted"] == 0


def test_a_giant_full_of_holes_is_refused_by_its_size(emulator: Emulator, tmp_path: Path) -> None:
    """I24: 1 TiB of which nothing is read, so that nothing is waited for."""
    path = tmp_path / "giant.png"
    try:
        with path.open("wb") as file:
            file.truncate(1 << 40)
    except OSError:
        pytest.skip("the file system has no files of that size")
    for check in ("error", "warn", "off"):
        with emulator.client(check_image=check) as client:
            with pytest.raises(aigclens.ImageTooLarge, match="1099511627776 bytes"):
                client.detect(path, total_timeout=30)


@pytest.mark.skipif(sys.platform == "win32", reason="needs permissions")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_permission_denied(client: aigclens.Client, path: Path) -> None:
    """I03: in a child that is no longer root where this is, whom no permission binds."""
    path.chmod(0)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            with pytest.raises(aigclens.ImageFileError, match="may not be read") as refused:
                client.detect(path)
            assert (refused.value.errno, refused.value.attempts) == (13, ())
        except BaseException as error:
            os.write(2, f"child: {error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"data_id": "a b"}, aigclens.InvalidParameter),
        ({"data_id": "x" * 65}, aigclens.InvalidParameter),
        ({"data_id": ""}, aigclens.InvalidParameter),
        ({"referer": "a\r\nb: c"}, aigclens.InvalidParameter),
        ({"referer": "x" * 257}, aigclens.InvalidParameter),
        ({"service": ""}, aigclens.InvalidParameter),
        ({"info_type": "a b"}, aigclens.InvalidParameter),
        ({"timeout": 0}, aigclens.ConfigError),
        ({"timeout": -1}, aigclens.ConfigError),
        ({"total_timeout": float("nan")}, aigclens.ConfigError),
        ({"total_timeout": float("inf")}, aigclens.ConfigError),
        ({"data_id": 7}, TypeError),
        ({"timeout": "1"}, TypeError),
    ],
    ids=repr,
)
def test_parameters_are_checked_before_any_packet(emulator: Emulator, options: Any, kind: type) -> None:
    """J11, J12, H04."""
    with emulator.client() as client, pytest.raises(kind):
        client.detect("https://img.example/a.png", **options)
    assert emulator.connections()["accepted"] == 0


def test_check_image_warns_or_lets_pass(emulator: Emulator) -> None:
    """Decision 7: the published pages disagree, so that the rules can be switched off."""
    large = images.png(17_000, 1)
    with emulator.client(check_image="warn") as client, pytest.raises(aigclens.ImageTooLarge) as refused:
        client.detect(large)
    assert refused.value.code == "406", "it was the service that refused"
    with emulator.client(check_image="off") as client, pytest.raises(aigclens.UnsupportedImageFormat) as unknown:
        client.detect(b"hello")
    assert unknown.value.code == "407"
    with emulator.client() as client:
        assert client.detect(images.png(199, 300)).warnings == ("small_image",)


def test_private_urls_are_for_the_emulator_alone() -> None:
    """J06."""
    credentials = aigclens.Credentials("id", "secret")
    with aigclens.Client(credentials=credentials, timeout=0.001, connect_timeout=0.001) as client:
        for host in ("127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "2130706433", "nas.local"):
            with pytest.raises(aigclens.InvalidUrl, match="private"):
                client.detect(f"http://{host}/a.png")
