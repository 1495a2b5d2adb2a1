"""What a file is to a scan, by the ending of its name."""

from __future__ import annotations

from typing import Literal, TypeAlias

from aigclens import _native

Kind: TypeAlias = Literal["archive", "text", "csv", "tsv", "jsonl", "parquet"]

# With the dot; whatever the core takes for an image's ending in an archive is one in a folder.
IMAGE_SUFFIXES = frozenset(f".{suffix}" for suffix in _native.image_suffixes())
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


def is_image(name: str) -> bool:
    """Whether a name ends as an image's does, in small letters or large ones."""
    dot = name.rfind(".")
    return dot > 0 and name[dot:].lower() in IMAGE_SUFFIXES
