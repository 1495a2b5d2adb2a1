"""What a scan would cost, before it costs anything: everything is read and compared, and nothing is asked."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aigclens import _native
from aigclens.price import PRICE_DATE
from aigclens.scanning import budget as budgets
from aigclens.scanning import inputs
from aigclens.scanning.feeding import packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from aigclens.client import Client
    from aigclens.models import EvidenceSource
    from aigclens.options import Precheck
    from aigclens.scanning.inputs import InputOptions

__all__ = ["Estimate", "survey"]

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a scan would do.

    Attributes:
        items: Inputs in all.
        refused: Those that are wrong before anything is sent, such as files that are no image; they cost nothing.
        duplicates: Those of the same content as one before.
        cached: Contents that the store knows, and that would not be asked about again.
        declared: Contents that would not be asked about, since they declare enough themselves
            (`precheck="skip_declared"`).
        calls: Contents that would be asked about: paid calls, if each is answered at its first attempt.
        cost: What these cost, in USD, exactly.
        price_date: The day of the page that names the price.
        seconds: How long they take at the client's pace; `None` where it has none.
        skipped: What was passed over in folders and archives, since it is no image.
    """

    items: int
    refused: int
    duplicates: int
    cached: int
    declared: int
    calls: int
    cost: Decimal
    price_date: str
    seconds: float | None
    skipped: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts; the amount is a text, so that it is exact."""
        return {**asdict(self), "cost": f"{self.cost:f}"}


def survey(
    client: Client,
    source: Any,
    *,
    store: str | os.PathLike[str] | None = None,
    retry: Literal["none", "unresolved", "errors"] = "unresolved",
    precheck: Precheck | None = None,
    skip_sources: Sequence[EvidenceSource] | None = None,
    **options: Unpack[InputOptions],
) -> Estimate:
    """Goes through a source as a scan would, and asks nothing. A store that is not there yet knows nothing."""
    with inputs.items(source, **options) as items:
        known = None if store is None or not Path(store).exists() else os.fspath(store)
        native = _native.Survey(client._native, known, retry, client._call((None,) * 8, precheck, skip_sources))
        batch: list[tuple[str, str, Any]] = []
        for item in items:
            batch.append(packed(item, client._limit))
            if len(batch) >= min(_BATCH, native.room()):
                native.feed(batch)
                batch = []
                native.wait()
        native.feed(batch)
        counts = native.finish()
        skipped = items.skipped
    calls, qps = counts[-1], client._options["qps"]
    return Estimate(*counts, budgets.calls(calls), PRICE_DATE, None if qps is None else calls / qps, skipped)
