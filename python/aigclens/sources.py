"""What the core is told of what is passed as an image. PIL and numpy are never imported here, and neither is what only
some of the sources need: an object of theirs can only be passed once they are.
"""

from __future__ import annotations

import os
import sys
from io import BytesIO, TextIOBase

from aigclens import _native
from aigclens.errors import ImageFileError, InvalidParameter, InvalidUrl, UnsupportedSource
from aigclens.late import loaded

__all__ = ["MOST_BYTES", "BinaryFile", "Source", "coerce", "is_decoded", "is_quick", "is_url", "png"]

# What `typing` calls so, without importing it: type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from aigclens.passable import BinaryFile, Source
else:

    def __getattr__(name: str) -> object:
        if name in ("BinaryFile", "Source"):
            from aigclens import passable

            return getattr(passable, name)
        raise AttributeError(f"module 'aigclens.sources' has no attribute {name!r}")


# From a stream no more than that is taken in before it is refused.
MOST_BYTES: int = _native.terms()["max_bytes"]
# Anything larger is prepared off the event loop's thread.
_SMALL = 64 * 1024
_KINDS = "a path, an http(s) or oss:// URL, bytes, a binary file, an OssObject, a PIL image or a numpy array"
_LOCAL_KINDS = "a path, bytes or a binary file"
# Schemes that are written without "//"; with it every scheme is recognised.
_SCHEMES = ("http:", "https:", "oss:", "ftp:", "ftps:", "file:", "data:", "javascript:", "blob:", "s3:", "gs:")


def is_url(source: object) -> bool:
    """Whether it is a URL as it stands, which the core takes without more ado."""
    return isinstance(source, str) and source.startswith(("https:", "http:"))


def is_quick(source: object) -> bool:
    """Whether `coerce` neither waits nor works for long."""
    if isinstance(source, bytearray | memoryview):
        return len(source) <= _SMALL
    if isinstance(source, str | bytes | os.PathLike) or source is None:
        return True
    return isinstance(source, loaded("aigclens.models", "OssObject"))


def is_decoded(source: object) -> bool:
    """Whether it is pixels in memory, whose file and metadata are not known any more."""
    return isinstance(source, (loaded("numpy", "ndarray"), loaded("PIL.Image", "Image")))


def coerce(source: object, limit: int = MOST_BYTES, *, for_inspection: bool = False) -> tuple[Any, ...]:
    """The kind of a source and its parts, as the core wants them; of a stream one byte more than the limit at most.

    What is nothing at all is told what is taken: for calls, or for inspection.

    Raises:
        UnsupportedSource: It is nothing that this package reads.
        InputError: It is, and something is wrong with it.
    """
    if isinstance(source, str):
        return _text(source)
    if isinstance(source, bytes):
        return ("bytes", bytes(source))
    if isinstance(source, os.PathLike):
        return _path(source)
    given: Any = source
    if isinstance(given, loaded("aigclens.models", "OssObject")):
        return ("oss", given.bucket, given.key, given.region)
    if isinstance(given, loaded("numpy", "ndarray")):
        return ("bytes", _array(given))
    if isinstance(given, loaded("PIL.Image", "Image")):
        return ("bytes", _pil(given))
    if callable(getattr(source, "read", None)):
        return ("bytes", _stream(source, limit))
    try:
        return ("bytes", memoryview(source).tobytes())  # type: ignore[arg-type]
    except TypeError:
        pass
    several = isinstance(source, list | tuple | set | frozenset)
    if for_inspection and several:
        raise UnsupportedSource(f"a {type(source).__name__} is not one image; inspect them one by one")
    if several:
        raise InvalidUrl(f"a {type(source).__name__} is not one image; the service takes one image per call")
    kinds = _LOCAL_KINDS if for_inspection else _KINDS
    raise UnsupportedSource(f"cannot read an image from {type(source).__name__}; pass {kinds}")


def _text(text: str) -> tuple[Any, ...]:
    if is_url(text):
        return ("url", text)
    if not text.strip():
        raise InvalidParameter("the source is an empty text; pass a path or a URL")
    bare = text.strip().lower()
    if bare.startswith(("http:", "https:")):
        return ("url", text)
    if bare.startswith("oss:"):
        return ("oss_url", text)
    scheme, found, _ = bare.partition("://")
    if bare.startswith(("//", *_SCHEMES)) or (found and scheme.isalnum() and len(scheme) > 1):
        raise InvalidUrl("only http://, https:// and oss:// URLs can be passed; for a file pass its path")
    return ("path", text)


def _path(path: os.PathLike[Any]) -> tuple[Any, ...]:
    text = os.fsdecode(os.fspath(path))
    if text.lower().startswith(("http:/", "https:/")):
        raise InvalidUrl("a URL in a path object has lost a slash; pass the URL as a plain str")
    return ("path", text)


def _stream(stream: Any, limit: int) -> bytes:
    if isinstance(stream, TextIOBase):
        raise UnsupportedSource("the file is open in text mode; open it with 'rb'")
    parts = []
    size = 0
    while size <= limit:
        part = stream.read(limit + 1 - size)
        if isinstance(part, str):
            raise UnsupportedSource("the file gives text; open it in binary mode, with 'rb'")
        if hasattr(part, "__await__"):
            part.close()
            raise UnsupportedSource("the file's read() must be awaited; pass the bytes: await file.read()")
        if part is None:
            raise ImageFileError("the file has no bytes ready (non-blocking mode); pass the bytes")
        if not part:
            break
        parts.append(bytes(part))
        size += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _pil(image: Any) -> bytes:
    if not image.width or not image.height:
        raise ImageFileError("the PIL image has no pixels")
    target = BytesIO()
    if image.mode in ("1", "L", "LA", "I;16", "P", "RGB", "RGBA"):
        image.save(target, "PNG", compress_level=1)
    elif image.mode in ("CMYK", "YCbCr", "LAB"):
        # What PNG cannot hold without a loss, TIFF can.
        image.save(target, "TIFF")
    elif image.mode in ("PA", "La", "RGBa"):
        image.convert("RGBA").save(target, "PNG", compress_level=1)
    elif image.mode in ("RGBX", "HSV"):
        image.convert("RGB").save(target, "PNG", compress_level=1)
    else:
        raise UnsupportedSource(f"a PIL image of mode {image.mode!r} has no lossless form here; convert it to 'RGB'")
    return target.getvalue()


def _array(array: Any) -> bytes:
    if array.dtype != "uint8":
        raise UnsupportedSource(f"a numpy array of {array.dtype} is no image here; convert it to uint8 (0 to 255)")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise UnsupportedSource(
            f"a numpy array of shape {array.shape} is no image here; it is height x width x 3 (RGB), x 4 (RGBA) or x 1"
        )
    height, width, channels = array.shape
    if not height or not width:
        raise ImageFileError(f"a numpy array of shape {array.shape} has no pixels")
    # Each byte as its difference from the pixel before ("Sub"): photographs pack far better so.
    numpy = sys.modules["numpy"]
    pixels = numpy.empty((height, width, channels), dtype="uint8")
    pixels[:, 0] = array[:, 0]
    numpy.subtract(array[:, 1:], array[:, :-1], out=pixels[:, 1:])
    rows = numpy.ones((height, 1 + width * channels), dtype="uint8")
    rows[:, 1:] = pixels.reshape(height, width * channels)
    return png(width, height, channels, rows.tobytes())


def png(width: int, height: int, channels: int, rows: bytes) -> bytes:
    """A PNG of 8 bits a channel from rows that begin with their filter's number."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
