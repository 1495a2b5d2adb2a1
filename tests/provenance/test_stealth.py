"""Parameters in the last bits of pixels, written here with Pillow, in each of the four ways."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

import aigclens
import declared_files as files

A1111 = "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12"


def bits(name: str, data: bytes, length: int | None = None) -> Iterator[int]:
    count = len(data) * 8 if length is None else length
    for byte in name.encode() + count.to_bytes(4, "big") + data:
        yield from (byte >> place & 1 for place in range(7, -1, -1))


def hidden(image: Image.Image, name: str, data: bytes, length: int | None = None) -> Image.Image:
    """Column by column: in alpha, or in red, green and blue in turn."""
    pixels: Any = image.load()
    channels = (3,) if name.startswith("stealth_png") else (0, 1, 2)
    rest = bits(name, data, length)
    for x in range(image.width):
        for y in range(image.height):
            values = list(pixels[x, y])
            for channel in channels:
                bit = next(rest, None)
                if bit is None:
                    pixels[x, y] = tuple(values)
                    return image
                values[channel] = values[channel] & 0xFE | bit
            pixels[x, y] = tuple(values)
    return image


@pytest.mark.parametrize("size", [(64, 64), (300, 9), (8, 300)])
@pytest.mark.parametrize("name", ["stealth_pnginfo", "stealth_pngcomp", "stealth_rgbinfo", "stealth_rgbcomp"])
def test_each_way_is_read_by_a_deep_look_only(name: str, size: tuple[int, int]) -> None:
    data = A1111.encode()
    data = gzip.compress(data) if name.endswith("comp") else data
    modes = ["RGBA"] if "png" in name else ["RGBA", "RGB"]
    for mode in modes:
        image = files.saved(hidden(files.picture(size, mode), name, data), "PNG")
        assert aigclens.inspect(image).evidence == ()
        (one,) = aigclens.inspect(image, deep=True).evidence
        assert (one.kind, one.strength, one.detail) == ("generated", "strong", "Stable Diffusion web UI")
        assert one.place == ("png:pixels/alpha" if "png" in name else "png:pixels/rgb")
        assert one.fields["seed"] == "12"


def test_what_another_program_hides() -> None:
    comment = {"prompt": "a cat", "uc": "dog", "steps": 28, "sampler": "k_euler", "seed": 7, "scale": 5.0}
    text = json.dumps({"Description": "a cat", "Software": "NovelAI", "Comment": json.dumps(comment)})
    image = hidden(files.picture((64, 64), "RGBA"), "stealth_pngcomp", gzip.compress(text.encode()))
    (one,) = aigclens.inspect(files.saved(image, "PNG"), deep=True).evidence
    assert (one.detail, one.fields["negative_prompt"]) == ("NovelAI", "dog")


def test_near_misses() -> None:
    plain = files.picture((64, 64), "RGBA")
    for image in (
        plain,
        hidden(plain.copy(), "stealth_pngfoos", A1111.encode()),
        hidden(plain.copy(), "stealth_rgbinfo", A1111.encode()).convert("RGB").convert("P"),
        hidden(plain.copy(), "stealth_pnginfo", A1111.encode()).rotate(90),
    ):
        assert aigclens.inspect(files.saved(image, "PNG"), deep=True).evidence == ()
    # A format that changes pixels has nothing left to read, and is not decoded.
    carried = hidden(plain.copy(), "stealth_pnginfo", A1111.encode())
    assert aigclens.inspect(files.saved(carried, "WEBP", lossless=True), deep=True).evidence == ()


def test_a_name_with_nothing_to_read_behind_it_is_a_hint() -> None:
    for name, data, length in (
        ("stealth_pnginfo", b"\xff\xfe", None),
        ("stealth_pngcomp", b"no gzip", None),
        ("stealth_pnginfo", b"x", 0xFFFF_FFFF),
        ("stealth_pngcomp", gzip.compress(bytes(1 << 22)), None),
    ):
        image = files.saved(hidden(files.picture((256, 256), "RGBA"), name, data, length), "PNG")
        (one,) = aigclens.inspect(image, deep=True).evidence
        assert (one.kind, one.strength, one.detail) == ("tool", "medium", "stealth pnginfo")
