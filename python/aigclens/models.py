"""What a call gives back: frozen dataclasses that pickle, compare, match and turn into dictionaries."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Attempt",
    "Billing",
    "Detection",
    "Engine",
    "Evidence",
    "EvidenceKind",
    "EvidenceSource",
    "Label",
    "OssObject",
    "Strength",
    "disagree",
]

Billing: TypeAlias = Literal["billed", "not_billed", "possibly_billed"]
Engine: TypeAlias = Literal["service", "emulator", "provenance"]
EvidenceKind: TypeAlias = Literal["generated", "composite", "edited", "captured", "tool"]
EvidenceSource: TypeAlias = Literal["c2pa", "iptc", "aigc_label", "generator_text", "exif"]
Strength: TypeAlias = Literal["declared", "strong", "medium", "weak"]


@dataclass(frozen=True, slots=True)
class Label:
    """One label of an answer.

    Attributes:
        name: As the service wrote it, for example `aigc`, `ugc` or `nonLabel`.
        confidence: 0 to 100, or `None` where the service gave no usable number. `nonLabel` usually has none.
        description: The service's own words.
        risk_level: `high`, `medium`, `low` or `none`, from the thresholds that are set in the service's console.
    """

    name: str
    confidence: float | None = None
    description: str | None = None
    risk_level: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that was tried. A call on a local image is several: token, upload, moderation.

    Attributes:
        billing: Whether this request was charged. Only `ImageModeration` ever is.
        outcome: `ok`, or the name of the exception class that this request ended with.
        code: The code of the answer as the service wrote it, or `None` where none came.
        request_id: The service's id of this request, for its support.
        region: The region asked, where it is known.
        elapsed: Seconds from before the connection was asked for to the last byte of the answer.
        operation: `DescribeUploadToken`, `PutObject` or `ImageModeration`.
    """

    billing: Billing
    outcome: str
    code: str | None
    request_id: str | None
    region: str | None
    elapsed: float
    operation: str = "ImageModeration"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One declaration of an image about its own making, as its metadata has it. It can be false.

    Attributes:
        kind: `generated` by a generative model; `composite`, with parts that were; `edited` without a generative model;
            `captured` with a camera; or `tool`: only a program is named that is known for generating images.
        source: Who declares: `c2pa` (a manifest by the C2PA's specification), `iptc` (the IPTC photo metadata standard,
            in XMP), `aigc_label` (the label of China's GB 45438-2025), `generator_text` (the parameters that a program
            wrote beside the image) or `exif`.
        strength: `declared`, a statement in a standard's own words; `strong`, what only a generator writes; `medium`, a
            name, or a statement with a reservation; `weak`, a hint.
        detail: What was found, in one line: a digital source type, a label's meaning, a program's name.
        fields: What was found, field by field, in the order of the file. Long values are cut at 4,096 characters.
        place: Where in the file: the part and its offset in bytes, such as `png:tEXt@57`, then what is inside of it.
        verified: Whether a C2PA manifest holds cryptographically, where that was looked at: `True`, or `False` for what
            was changed after it was signed. `None` where nobody looked, or where that is no answer: a certificate that
            has expired or is not trusted is no forgery. Always `None` for other sources.
        verified_reason: Why, in one line; `None` where nobody looked.
    """

    kind: EvidenceKind
    source: EvidenceSource
    strength: Strength
    detail: str
    fields: dict[str, str] = field(default_factory=dict, hash=False, repr=False)
    place: str = ""
    verified: bool | None = None
    verified_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """What the service said of one image.

    Attributes:
        label: The label that decides, verbatim; `None` when the answer had none.
        is_aigc: `True` for `aigc` and `risk_aigc`, `False` for `ugc` and `nonLabel`, `None` for anything else.
        confidence: 0 to 100, or `None`: it is never invented, and "not AI" usually has no number.
        risk_level: `high`, `medium`, `low` or `none`, from the thresholds set in the service's console.
        labels: All labels in the order of the answer.
        data_id: The `data_id` of the call as the service gave it back.
        request_id: The service's id of the paid request.
        service: The service asked, `aigcDetector_global` unless another was named.
        region: The region asked, where it is known.
        engine: `service`; `emulator`, which looks at no pixels; or `provenance`: what the image declares was enough,
            and no call was made.
        billing: `billed` for every answered call (0.60 USD per 1,000), `not_billed` where none was made.
        attempts: Every request that was tried, in order.
        elapsed: Seconds of the whole call.
        raw: The answer's body as `json.loads` would give it, with nothing dropped.
        warnings: Stable words for what is worth a look, such as `small_image` or `no_labels`.
        evidence: What a local image declares about its own making; empty where it declares nothing, for a URL or an
            object, and with `precheck="off"`. None of it is verified.
    """

    label: str | None
    is_aigc: bool | None
    confidence: float | None
    risk_level: str | None
    labels: tuple[Label, ...]
    data_id: str | None
    request_id: str | None
    service: str
    region: str | None
    engine: Engine
    billing: Billing
    attempts: tuple[Attempt, ...]
    elapsed: float
    raw: dict[str, Any] = field(hash=False, repr=False)
    warnings: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def disagrees(self) -> bool:
        """Whether the image declares one thing and the service says another.

        The service says not AI-generated of an image that is declared as `generated`; or AI-generated of one that is
        declared as `captured` or `edited`, and neither as `generated` nor as `composite`. Which of them is right is not
        said. Never where the verdict is `None`, nor where nobody was asked.
        """
        return disagree(self.is_aigc, self.engine, [one.kind for one in self.evidence])

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of plain lists, dictionaries, texts and numbers, ready for `json.dumps`."""
        plain = dataclasses.asdict(self)
        for name in ("labels", "attempts", "warnings", "evidence"):
            plain[name] = list(plain[name])
        plain["disagrees"] = self.disagrees
        return plain


@functools.cache
def blank(kind: type[Any]) -> Callable[..., Any]:
    """Makes what turns into an instance of a class of this module once its `__class__` is set.

    A frozen dataclass fills each of its fields through a function call; this one, which has the same fields and is not
    frozen, fills them directly, in a fifth of the time. Only the core uses it.
    """
    fields = [(field.name, Any) for field in dataclasses.fields(kind)]
    return dataclasses.make_dataclass(kind.__name__, fields, slots=True, eq=False, repr=False)


def disagree(is_aigc: bool | None, engine: Engine | None, kinds: Sequence[str]) -> bool:
    """Whether a verdict contradicts declarations of these kinds; `Detection.disagrees` has the rule."""
    if not kinds or is_aigc is None or engine == "provenance":
        return False
    if not is_aigc:
        return "generated" in kinds
    return ("captured" in kinds or "edited" in kinds) and "generated" not in kinds and "composite" not in kinds


@dataclass(frozen=True, slots=True)
class OssObject:
    """An image in an OSS bucket of your own. The account must have granted the service access to it.

    Attributes:
        bucket: The bucket's name.
        key: The object's name, without a leading slash.
        region: The bucket's region id, such as `ap-southeast-1`; `None` for the client's own region.
    """

    bucket: str
    key: str
    region: str | None = None
