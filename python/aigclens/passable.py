"""What can be passed as an image, as types. PIL and numpy are for type checkers alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined, unused-ignore]

    import numpy
    import PIL.Image

    from aigclens.models import OssObject

__all__ = ["BinaryFile", "Source"]


class BinaryFile(Protocol):
    """A file open for reading in binary mode."""

    def read(self, size: int = ..., /) -> bytes:
        """Up to `size` bytes; none at the end."""
        ...


if TYPE_CHECKING:
    Source: TypeAlias = (
        str
        | os.PathLike[str]
        | os.PathLike[bytes]
        | Buffer
        | BinaryFile
        | OssObject
        | PIL.Image.Image
        | numpy.ndarray[Any, Any]
    )
else:
    Source = Any
