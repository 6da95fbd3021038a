"""Money in millionths of a dollar: whole numbers, so that sums are exact."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted

MICRO = 1_000_000
LARGEST_MICRO = 10**15
"""The highest limit: a thousand million dollars."""
UNPRICED_MICRO = 1
"""The assumed cost of a call with an unknown price: only a limit of 0, or a budget that is used up, refuses it."""


def micro(dollars: str) -> int:
    """An amount from text such as `5`, `0.25` or `$2.50`. Raises `InvalidInput`."""
    try:
        amount = Decimal(dollars.strip().removeprefix("$")) * MICRO
    except InvalidOperation:
        hint = "Write dollars, such as 5 or 0.25."
        raise InvalidInput(f"{quoted(dollars)} is not a valid amount of money.", hint=hint) from None
    if not amount.is_finite() or not 0 <= amount <= LARGEST_MICRO or amount != int(amount):
        hint = "Give 0 to 1000000000 dollars, with at most six decimals."
        raise InvalidInput(f"{quoted(dollars)} is not a valid budget.", hint=hint)
    return int(amount)


def dollars(amount_micro: int) -> str:
    """An amount as text, with two or more decimals: `$5.00`, `$0.000125`."""
    sign = "-" if amount_micro < 0 else ""
    whole, rest = divmod(abs(amount_micro), MICRO)
    decimals = f"{rest:06}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole}.{decimals}"
