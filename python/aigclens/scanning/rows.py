"""What a scan says of each item: one documented schema for iteration, files and exports."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, make_dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from aigclens.models import disagree

if TYPE_CHECKING:
    from aigclens.models import Billing, Engine, Label

__all__ = ["COLUMNS", "ScanRow"]


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One item of a scan: an answer, or why there is none. Every output has these columns, in this order.

    Attributes:
        key: The input's own name of the item: the path relative to the scanned folder, with `/`; the URL; the `__key__`
            of a shard's sample; or what the caller gave. Not necessarily unique.
        source: What was asked about: a path, a URL, `shard.tar/member.jpg`, `oss://bucket/key`, or `<bytes>`.
        ok: Whether there is an answer.
        label: The label that decides, verbatim as the service wrote it.
        is_aigc: `True` for `aigc` and `risk_aigc`, `False` for `ugc` and `nonLabel`, `None` for anything else.
        confidence: 0 to 100, or `None`: "not AI" usually has no number.
        risk_level: `high`, `medium`, `low` or `none`, from the thresholds that are set in the service's console.
        evidence: What the local bytes declare about themselves, such as `iptc:generated:trainedAlgorithmicMedia`.
        disagrees: Whether that and the service's verdict contradict each other, as `Detection.disagrees` has it. A
            property, and a column.
        request_id: The service's id of the request that ended this item's call.
        error_code: The service's code, such as `404`; where there was none, the class of the error, such as
            `ImageFileNotFound`. `None` where `ok`.
        error: The class of the error and its message, one line; `None` where `ok`.
        billing: What this item cost in this run: `billed`, `possibly_billed` or `not_billed`. What was cached or is a
            duplicate cost nothing.
        cached: Whether the answer was in the store before this run began.
        duplicate_of: The key of the first item of the same content; `None` where this one is the first.
        blake3: BLAKE3 of the image's bytes, 64 hexadecimal digits; `None` for a URL or an object, whose bytes are not
            known here.
        service: The service asked, for example `aigcDetector_global`.
        region: The region asked, where it is known.
        engine: `service`; `emulator`, which looks at no pixels; `provenance` where the image's own declaration saved
            the call; `None` where there is no answer.
        latency_ms: Milliseconds of the call that answered.
        detected_at: When that call was answered: ISO 8601, UTC, with milliseconds and `Z`.
        labels: All labels of the answer, in its order. No column.
        warnings: Stable words for what is worth a look, such as `small_image`. No column.
        body: The answer's body as it came, byte for byte. No column.
        attempts: Requests that were tried for this item in the call that ended it. No column.
        extra: Other columns of the input that were to be carried along, after the columns in every output; `None`
            for none.
    """

    key: str
    source: str
    ok: bool
    label: str | None
    is_aigc: bool | None
    confidence: float | None
    risk_level: str | None
    evidence: tuple[str, ...]
    request_id: str | None
    error_code: str | None
    error: str | None
    billing: Billing
    cached: bool
    duplicate_of: str | None
    blake3: str | None
    service: str
    region: str | None
    engine: Engine | None
    latency_ms: float | None
    detected_at: str | None
    labels: tuple[Label, ...] = ()
    warnings: tuple[str, ...] = ()
    body: bytes | None = field(default=None, hash=False, repr=False)
    attempts: int = 0
    extra: dict[str, Any] | None = field(default=None, hash=False)

    @property
    def disagrees(self) -> bool:
        """Whether the image declares one thing and the service says another."""
        if not self.evidence:
            return False
        return disagree(self.is_aigc, self.engine, [(*one.split(":", 2), "")[1] for one in self.evidence])

    @property
    def raw(self) -> dict[str, Any] | None:
        """The answer's body as `json.loads` gives it; `None` where there is none that can be read."""
        try:
            found = None if self.body is None else json.loads(self.body)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def to_dict(self) -> dict[str, Any]:
        """The columns in order, then what was carried along; an extra with a column's name gets `input_` before it."""
        plain: dict[str, Any] = dict(zip(COLUMNS, _parts(self), strict=True))
        plain["evidence"] = list(self.evidence)
        extra = self.extra or {}
        for name, value in extra.items():
            shown = name
            while shown in _COLUMNS or (shown != name and shown in extra):
                shown = f"input_{shown}"
            plain[shown] = value
        return plain


#: The columns of every output, in order.
COLUMNS: tuple[str, ...] = tuple(
    name
    for part in fields(ScanRow)[:20]
    for name in ((part.name, "disagrees") if part.name == "evidence" else (part.name,))
)
_COLUMNS = frozenset(COLUMNS)
# What a row is while the core makes it: the same fields, each set as any attribute is. Those of a class that is frozen
# take four times as long, and there are millions of rows. It becomes a row with its `__class__`.
Draft: Any = make_dataclass("Draft", [one.name for one in fields(ScanRow)], slots=True)
_parts = attrgetter(*COLUMNS)
