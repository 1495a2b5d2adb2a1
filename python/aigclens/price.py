"""What an answered call costs, named once. Prices change: this is the one place that says what was true, and when."""

from __future__ import annotations

from decimal import Decimal

from aigclens import _native

__all__ = ["PRICE_DATE", "PRICE_PER_CALL"]

#: What one answered call costs, in USD, exactly; by the service's page of `PRICE_DATE`.
PRICE_PER_CALL: Decimal = Decimal(_native.terms()["micro_dollars"]) / 1_000_000
#: The day of the page that names the price, as ISO 8601.
PRICE_DATE: str = _native.terms()["price_date"]
