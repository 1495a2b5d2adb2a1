"""What a file is to a scan, by the ending of its name."""

from __future__ import annotations

import functools
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["archive", "text", "csv", "tsv", "jsonl", "parquet"]

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")
_LISTS: dict[str, Kind] = {
    ".txt": "text",
    ".lst": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


def kind_of(name: str) -> Kind | None:
    """An archive, a list of one kind or another, or nothing but a file."""
    name = name[-16:].lower()
    if name.endswith(_ARCHIVES):
        return "archive"
    if name.endswith(".parquet"):
        return "parquet"
    bare = name.removesuffix(".gz")
    return _LISTS.get(bare[bare.rfind(".") :]) if "." in bare else None


@functools.cache
def image_suffixes() -> frozenset[str]:
    """The endings that stand for an image, with the dot."""
    from aigclens import _native

    return frozenset(f".{suffix}" for suffix in _native.image_suffixes())


def is_image(name: str) -> bool:
    """Whether a name ends as an image's does, in small letters or large ones."""
    dot = name.rfind(".")
    return dot > 0 and name[dot:].lower() in image_suffixes()
