"""What the service takes, as its page says it: numbers that a client can be told otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aigclens import _native
from aigclens.errors import ConfigError

__all__ = ["ImageLimits"]

_TERMS: dict[str, Any] = _native.terms()


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a client takes for an image that the service will take, as `Client(image_limits=...)`.

    The defaults are those of the service's international page of 2025-11-24. Other editions of the service have others:
    the pages for mainland China name 167 million pixels. Larger images are refused before anything is sent, or sent all
    the same with `check_image="warn"` and `"off"`; `max_bytes` holds in every mode.

    Attributes:
        max_bytes: Bytes of an image, at most 256 MiB, which is what all calls of a process may hold together.
        max_side: Pixels of the longer side.
        max_pixels: Pixels in all.
        heic_max_side: Pixels of the longer side of a HEIC, HEIF or AVIF image.

    Raises:
        ConfigError: A limit is no whole number, is not positive, or is larger than can be meant.
    """

    max_bytes: int = _TERMS["max_bytes"]
    max_side: int = _TERMS["max_side"]
    max_pixels: int = _TERMS["max_pixels"]
    heic_max_side: int = _TERMS["heic_max_side"]

    def __post_init__(self) -> None:
        most = {"max_bytes": _TERMS["memory"], "max_pixels": 2**62}
        for name, value in zip(self.__slots__, self._parts(), strict=True):
            highest = most.get(name, 2**31)
            if type(value) is not int or not 0 < value <= highest:
                raise ConfigError(f"image_limits: {name} must be a whole number from 1 to {highest}")

    def _parts(self) -> tuple[int, int, int, int]:
        return (self.max_bytes, self.max_side, self.max_pixels, self.heic_max_side)
