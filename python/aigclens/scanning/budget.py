"""What a scan may spend, as people write it: a number of calls, or dollars. Never a binary fraction."""

from __future__ import annotations

import re
from decimal import Decimal

from aigclens.errors import ConfigError
from aigclens.price import PRICE_PER_CALL

__all__ = ["MICRO_PER_CALL", "calls", "dollars", "parse"]

_MICRO = 1_000_000
#: What one answered call costs, in millionths of a dollar.
MICRO_PER_CALL: int = int(PRICE_PER_CALL * _MICRO)
# What the store's whole numbers hold.
_MOST = 2**63 - 1

_DIGITS = r"(?P<{}>[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]+(?:_[0-9]+)*)"
_CALLS = re.compile(_DIGITS.format("whole") + r"\s*calls?", re.IGNORECASE)
_AMOUNT = _DIGITS + r"(?P<{}>\.[0-9]+)?"
_USD = re.compile(
    r"(?:(?:US)?\$|USD)\s*" + _AMOUNT.format("first", "first_cents")
    # The same, with the currency behind.
    + "|" + _AMOUNT.format("second", "second_cents") + r"\s*USD",
    re.IGNORECASE,
)  # fmt: skip


def parse(budget: int | str | None) -> int | None:
    """A budget in millionths of a dollar.

    Args:
        budget: A whole number of calls; a text such as `"50 USD"`, `"USD 50"`, `"$50.25"` or `"50_000 calls"`, where
            `_` or the comma may group thousands; or `None` for no limit. 0 is a budget too, which lets nothing through.

    Returns:
        Millionths of a dollar, exactly; `None` for no limit.

    Raises:
        ConfigError: It is a float (`0.1 + 0.2` is not `0.3`), negative, finer than a millionth of a dollar, or no
            such text.
    """
    if budget is None:
        return None
    if isinstance(budget, bool) or not isinstance(budget, int | str):
        raise ConfigError(
            f"budget is a whole number of calls or a text such as '50 USD', not {type(budget).__name__}; "
            "amounts of dollars are texts, so that they are exact"
        )
    if isinstance(budget, int):
        return _bounded(budget * MICRO_PER_CALL, budget)
    text = budget.strip()
    found = _CALLS.fullmatch(text)
    if found:
        return _bounded(_whole(found["whole"], budget) * MICRO_PER_CALL, budget)
    found = _USD.fullmatch(text)
    if not found:
        raise ConfigError(f"budget is {_quoted(budget)}; it should be like '50 USD', '$50.25' or '50000 calls'")
    cents = found["first_cents"] or found["second_cents"] or ""
    finer = cents[1:].rstrip("0")
    if len(finer) > 6:
        raise ConfigError(f"budget is {_quoted(budget)}, which is finer than a millionth of a dollar")
    return _bounded(_whole(found["first"] or found["second"], budget) * _MICRO + int(finer.ljust(6, "0")), budget)


def dollars(micro: int) -> Decimal:
    """Millionths of a dollar as dollars, exactly, with at least the cents."""
    amount = (Decimal(micro) / _MICRO).normalize()
    exponent = amount.as_tuple().exponent
    return amount.quantize(Decimal("0.01")) if isinstance(exponent, int) and exponent > -2 else amount


def calls(number: int) -> Decimal:
    """What a number of answered calls costs, in dollars, exactly."""
    return dollars(number * MICRO_PER_CALL)


def _whole(digits: str, budget: str) -> int:
    digits = digits.replace(",", "").replace("_", "")
    # A longer one is no budget, and slow to read.
    if len(digits) > 20:
        _bounded(_MOST + 1, budget)
    return int(digits)


def _bounded(micro: int, budget: int | str) -> int:
    if micro < 0:
        raise ConfigError(f"budget is {_quoted(budget)}, and cannot be negative")
    if micro > _MOST:
        raise ConfigError(f"budget is {_quoted(budget)}, which is more money than there is; None is no limit")
    return micro


def _quoted(budget: int | str) -> str:
    text = budget if isinstance(budget, str) else f"{budget:#x}" if abs(budget) > 10**30 else str(budget)
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
