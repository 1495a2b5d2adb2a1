"""Images to upload: PNGs of noise that is not compressed, of about the size wanted."""

from __future__ import annotations

import math
import random
import struct
import zlib
from pathlib import Path


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size: int) -> bytes:
    """A square of so many bytes, or a few less."""
    side = math.isqrt(size // 3) - 1
    noise = random.Random(7).randbytes(3 * side * side)
    rows = b"".join(b"\0" + noise[3 * side * row : 3 * side * (row + 1)] for row in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows, 0)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def write(folder: Path, sizes: dict[str, int]) -> dict[str, Path]:
    """One file for each size."""
    found = {}
    for name, size in sizes.items():
        found[name] = folder / f"{size}.png"
        found[name].write_bytes(png(size))
    return found
