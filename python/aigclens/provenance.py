"""What an image declares about its own making, read from its metadata: without an account, without a network, for free.

A declaration can be false, and its absence means nothing: most sites take metadata away. Watermarks in the pixels,
such as SynthID's, cannot be read here.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from aigclens import _native
from aigclens.errors import ConfigError, UnsupportedSource
from aigclens.models import Evidence
from aigclens.sources import coerce, is_decoded

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined, unused-ignore]

    from aigclens.sources import BinaryFile

__all__ = ["Action", "Evidence", "Ingredient", "Manifest", "Provenance", "inspect"]

Declares: TypeAlias = Literal["generated", "composite", "edited", "captured"]

# In the order of what they mean for the image as a whole.
_KINDS: tuple[Declares, ...] = ("generated", "composite", "edited", "captured")
# More than this is no image that is read whole: 1 GiB.
_LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class Action:
    """What was done to an asset, by an assertion `c2pa.actions`.

    Attributes:
        action: Such as `c2pa.created` or `c2pa.opened`.
        digital_source_type: As it is written, such as
            `http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia`.
        software_agent: The program or model that did it.
    """

    action: str
    digital_source_type: str | None = None
    software_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Ingredient:
    """What an asset was made from.

    Attributes:
        title: Its name, for people.
        relationship: `parentOf`, `componentOf` or `inputTo`.
        manifest: The label of its own manifest, where it has one.
    """

    title: str | None = None
    relationship: str | None = None
    manifest: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A C2PA manifest, as it is written.

    Attributes:
        label: Its name in the file, such as `urn:c2pa:...`.
        is_active: Whether it speaks of the file itself, and not of what the file was made from.
        claim_generator: The program that made the claim.
        assertions: The labels of its assertions, in their order.
        actions: What was done.
        ingredients: What the asset was made from.
        soft_bindings: Algorithms of watermarks or fingerprints that are said to be in the pixels. Nobody looks for them
            here.
    """

    label: str
    is_active: bool = False
    claim_generator: str | None = None
    assertions: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    soft_bindings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """What an image declares about its own making.

    Attributes:
        source: The path as it was given, or `<bytes>`.
        format: `PNG`, `JPEG`, `WebP`, `HEIC`, `HEIF`, `AVIF`, `TIFF`, `GIF`, `SVG`, `BMP` or `ICO`, by the first bytes;
            `None` for what is no image that is known here.
        evidence: All declarations that were found, in the order of the file.
        manifests: The C2PA manifests of the file, in its order.
        metadata: The XMP and EXIF fields that are looked at, as pairs such as `("exif:Software", "...")`.
        remote_manifest: Where the file says that its C2PA manifest is kept. It is never fetched.
        warnings: Stable words for what could not be read: `truncated`, `metadata_too_large`, `xmp_unreadable`,
            `exif_unreadable`, `c2pa_unreadable`, `c2pa_compressed`, `c2pa_too_large`, `stealth_interlaced`,
            `stealth_too_large`.
    """

    source: str
    format: str | None
    evidence: tuple[Evidence, ...] = ()
    manifests: tuple[Manifest, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    remote_manifest: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def declares(self) -> Declares | None:
        """What the declarations come to: `generated` before `composite` before `edited` before `captured`.

        `None` where there is none, or only the name of a tool. That means nothing: it is not "not AI".
        """
        found = {one.kind for one in self.evidence}
        return next((kind for kind in _KINDS if kind in found), None)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of plain lists, dictionaries and texts, ready for `json.dumps`, with `declares` in it."""
        plain = dataclasses.asdict(self)
        for name in ("evidence", "manifests", "warnings"):
            plain[name] = list(plain[name])
        for manifest in plain["manifests"]:
            for name in ("assertions", "actions", "ingredients", "soft_bindings"):
                manifest[name] = list(manifest[name])
        plain["metadata"] = [list(pair) for pair in self.metadata]
        return {"source": plain.pop("source"), "format": plain.pop("format"), "declares": self.declares, **plain}


def inspect(
    source: str | os.PathLike[str] | os.PathLike[bytes] | Buffer | BinaryFile,
    *,
    deep: bool = False,
    verify: bool = False,
    trust: str | os.PathLike[str] | None = None,
) -> Provenance:
    """Reads what an image declares about its own making. No account is needed, nothing is sent, and nothing is charged.

    Of a file only headers and metadata are read, whatever its size; that takes some microseconds.

    Args:
        source: A path, bytes or another buffer, or a binary file. A URL is not fetched, and PIL images and arrays have
            lost the metadata of their files.
        deep: Also decode the pixels of a PNG, for the parameters that some programs hide in their last bits ("stealth
            pnginfo"). Takes as long as opening the image.
        verify: Also have C2PA manifests verified by the package `c2pa-python` (`pip install 'aigclens[c2pa]'`), some
            milliseconds each: see `Evidence.verified`. Nothing is fetched for it.
        trust: With `verify`, a PEM file of the authorities whose signers are trusted, such as the C2PA's trust list. No
            list comes with this package; without one no manifest is `True`.

    Raises:
        ImageFileNotFound: There is no such file.
        ImageFileError: It cannot be read.
        UnsupportedSource: It is nothing that this reads.
        InvalidUrl: It is a URL of another kind, such as `file://`.
        InvalidParameter: It is an empty text.
        ConfigError: `verify` without the package, whatever the image; or `trust` without `verify`, or of a file that
            cannot be read or has no certificates in it.
    """
    if is_decoded(source):
        kind = type(source).__name__
        raise UnsupportedSource(f"a {kind} has lost the metadata of its file; pass the path or the bytes of the file")
    if trust is not None and not verify:
        raise ConfigError("trust= is for verify=True: without it nothing is verified")
    anchors = _ready(trust) if verify else None
    parts = coerce(source, _LIMIT, for_inspection=True)
    if parts[0] not in ("path", "bytes"):
        raise UnsupportedSource("only local images are inspected; download it, and pass its path or bytes")
    name = parts[1] if parts[0] == "path" else "<bytes>"
    found: tuple[Any, ...] = _native.inspect(parts, deep)
    if verify and any(one.source == "c2pa" for one in found[1]):
        found = (found[0], _verified(parts, found, anchors), *found[2:])
    return Provenance(name, *found)


def _ready(trust: str | os.PathLike[str] | None) -> str | None:
    """The authorities to trust. What is missing is told of at once, and not at the first image that needs it."""
    from aigclens.verification import authorities, required

    required()
    return None if trust is None else authorities(trust)


def _verified(parts: tuple[Any, ...], found: tuple[Any, ...], anchors: str | None) -> tuple[Evidence, ...]:
    from aigclens.verification import verified

    data: bytes = parts[1] if parts[0] == "bytes" else _native.read(parts[1])
    return verified(data, found[0], found[1], anchors=anchors)
