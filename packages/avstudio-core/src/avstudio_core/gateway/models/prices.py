"""What a call costs: exact, in millionths of a dollar, rounded up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from avstudio_core.chat import Usage
from avstudio_core.gateway.models.known_models import Price
from avstudio_core.kinds.price_book import PriceBook
from avstudio_core.language_models import Model
from avstudio_core.money import MICRO


class Prices:
    """The table of `models.toml` first, then the price books of plugins."""

    def __init__(self, table: Mapping[str, Price], books: Sequence[PriceBook]) -> None:
        self._table = table
        self._books = books

    def cost(self, model: Model, usage: Usage) -> int | None:
        """Millionths of a dollar; 0 for a local model; `None` for a cloud model whose price is not known.

        A price of 0 in `models.toml` is known; one in a price book is taken for a gap.
        """
        if model.local:
            return 0
        price = self._table.get(model.priced_as or model.id) or self._table.get(model.id)
        if price is not None:
            return _cost(price, usage) or (0 if price.counts_tokens else None)
        return next((cost for book in self._books if (cost := book.cost(model, usage))), None)


def _cost(price: Price, usage: Usage) -> int:
    """Dollars for a million tokens are millionths of a dollar for one."""
    micro = price.input * usage.input + price.output * usage.output
    if usage.cached and price.cached is not None:
        micro += (price.cached - price.input) * usage.cached
    if usage.cache_written and price.cache_written is not None:
        micro += (price.cache_written - price.input) * usage.cache_written
    if usage.seconds or usage.characters:
        micro += MICRO * (price.second * Decimal(str(usage.seconds)) + price.character * usage.characters)
    return math.ceil(micro)
