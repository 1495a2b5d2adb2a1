"""Budgets as people write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigclens import ConfigError
from aigclens.price import PRICE_PER_CALL
from aigclens.scanning import budget


@pytest.mark.parametrize(
    ("given_", "micro"),
    [
        (None, None),
        (0, 0),
        (1, 600),
        (50_000, 30_000_000),
        ("50 USD", 50_000_000),
        ("50USD", 50_000_000),
        ("  usd 50 ", 50_000_000),
        ("$50", 50_000_000),
        ("US$ 50", 50_000_000),
        ("50.25 usd", 50_250_000),
        ("0.000001 USD", 1),
        ("0.1000000000 USD", 100_000),
        ("$1,234,567.89", 1_234_567_890_000),
        ("50000 calls", 30_000_000),
        ("50_000 calls", 30_000_000),
        ("50,000 calls", 30_000_000),
        ("1 call", 600),
        ("0 USD", 0),
        ("0 calls", 0),
    ],
)
def test_what_a_budget_can_be(given_: int | str | None, micro: int | None) -> None:
    """M03: calls and dollars become whole millionths of a dollar, and nothing is a budget too."""
    assert budget.parse(given_) == micro


@pytest.mark.parametrize(
    "wrong",
    [
        0.5, 50.0, float("nan"), float("inf"), Decimal("0.5"), True, False, b"50 USD", [], -1, 2**63,
        10**4000, -(10**4000),
        "", " ", "50", "50.0", "USD", "$", "calls", "-5 USD", "$-5", "+5 USD", "-1 calls", "1.5 calls", "50 EUR", "€50",
        "1e3 USD", "nan USD", "inf USD", "0.0000001 USD", "50,5 USD", "1,00 USD", "5__0 calls", "_5 calls", "５０ USD",
        "$50 USD", "50 USD calls", "50 USD\x1b[31m", "9" * 30 + " USD", "9" * 5000 + " calls", "10000000000000 USD",
    ],
)  # fmt: skip
def test_what_a_budget_cannot_be(wrong: Any) -> None:
    """M03: no float, no negative amount, nothing finer than what is counted; one clear line."""
    with pytest.raises(ConfigError) as caught:
        budget.parse(wrong)
    said = str(caught.value)
    assert said.startswith("budget is ")
    assert len(said) < 200
    assert said.isprintable() or "\n" not in said
    assert "\x1b" not in said


@given(st.integers(0, 2**62))
def test_dollars_are_exact(micro: int) -> None:
    """M03: decimal arithmetic, there and back."""
    text = f"{budget.dollars(micro):f}"
    assert budget.parse(f"{text} USD") == micro
    assert len(text.partition(".")[2]) >= 2


def test_the_price_is_the_one_that_is_published() -> None:
    assert budget.calls(1_000_000) == Decimal(600)
    assert budget.calls(1) == PRICE_PER_CALL
    assert budget.parse(1) == budget.MICRO_PER_CALL == 600
