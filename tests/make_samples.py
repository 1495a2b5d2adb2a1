"""Makes the images of `aigclens demo`. Run by hand to change them; needs Pillow."""

from __future__ import annotations

import io
import struct
from pathlib import Path

from PIL import Image, PngImagePlugin

from images import A1111, AIGC_LABEL, XMP

TARGET = Path(__file__).parent.parent / "python" / "aigclens" / "cli" / "samples"


def picture(shift: int) -> Image.Image:
    """A dawn over the sea: a sky that fades, a sun, and water."""
    image = Image.new("RGB", (256, 256))
    for y in range(256):
        for x in range(256):
            sun = (x - 128 - shift) ** 2 + (y - 120) ** 2 < 32**2
            color = (
                (255, 230, 120)
                if sun and y < 150
                else (70 + y // 2, 90 + y // 3, 190 - y // 3)
                if y < 150
                else (20, 60 + shift, 90 + (x // 16 + y // 6) % 2 * 20)
            )
            image.putpixel((x, y), color)
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def jpeg_with_xmp(jpeg: bytes, packet: str) -> bytes:
    data = b"http://ns.adobe.com/xap/1.0/\0" + packet.encode()
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + jpeg[2:]


def text(key: str, value: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text(key, value)
    return info


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    files = {
        "plain.png": saved(picture(0), "PNG", optimize=True),
        "plain.jpg": saved(picture(10), "JPEG", quality=80),
        "plain.webp": saved(picture(20), "WEBP", quality=80),
        "a1111.png": saved(picture(30), "PNG", optimize=True, pnginfo=text("parameters", A1111)),
        "aigc-label.png": saved(picture(-10), "PNG", optimize=True, pnginfo=text("AIGC", AIGC_LABEL)),
        "iptc-generated.jpg": jpeg_with_xmp(
            saved(picture(-20), "JPEG", quality=80), XMP.format("trainedAlgorithmicMedia")
        ),
        "iptc-captured.jpg": jpeg_with_xmp(saved(picture(-30), "JPEG", quality=80), XMP.format("digitalCapture")),
        "iptc-composite.webp": saved(
            picture(15), "WEBP", quality=80, xmp=XMP.format("compositeWithTrainedAlgorithmicMedia").encode()
        ),
    }
    for name, content in files.items():
        (TARGET / name).write_bytes(content)
        print(name, len(content))


if __name__ == "__main__":
    main()
