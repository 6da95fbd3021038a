"""Costs of calls: exact, in millionths of a dollar, rounded up."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from avstudio_core.chat import Usage
from avstudio_core.errors import AVStudioError
from avstudio_core.gateway.models.known_models import Price
from avstudio_core.guard import Guard, shown
from avstudio_core.kinds.price_book import PriceBook
from avstudio_core.language_models import Model
from avstudio_core.money import LARGEST_MICRO, MICRO
from avstudio_core.plugins import Plugins


class GuardedBook(PriceBook):
    """A plugin's price book; a price that is not valid counts as unknown."""

    def __init__(self, book: PriceBook, guard: Guard) -> None:
        self._book = book
        self._guard = guard

    def cost(self, model: Model, usage: Usage) -> int | None:
        what = f"'cost' of price book '{self._book.name}'"
        with contextlib.suppress(AVStudioError):
            cost = self._guard.call(what, self._book.cost, model, usage)
            if cost is None or 0 <= self._guard.expect(what, cost, int) <= LARGEST_MICRO:
                return cost
            self._guard.refusal(what, f"returned '{shown(cost)}', which is not a possible cost")
        return None


def books(plugins: Plugins) -> list[PriceBook]:
    """The price books of the plugins, without those that cannot be created."""
    made: list[PriceBook] = []
    for kind in plugins.kind("price_books").values():
        with contextlib.suppress(AVStudioError):
            made.append(GuardedBook(plugins.make(kind), plugins.guard(kind)))
    return made


class Prices:
    """The table of `models.toml` first, then the price books of plugins."""

    def __init__(self, table: Mapping[str, Price], books: Sequence[PriceBook]) -> None:
        self._table = table
        self._books = books

    def cost(self, model: Model, usage: Usage) -> int | None:
        """The cost in millionths of a dollar; 0 for a local model; `None` for a cloud model with an unknown price.

        A price of 0 in `models.toml` is valid; in a price book it counts as missing.
        """
        if model.local:
            return 0
        price = self._table.get(model.priced_as or model.id) or self._table.get(model.id)
        if price is not None:
            return _cost(price, usage) or (0 if price.counts_tokens else None)
        return next((cost for book in self._books if (cost := book.cost(model, usage))), None)


def _cost(price: Price, usage: Usage) -> int:
    """The cost of a usage; dollars for a million tokens are millionths of a dollar for one."""
    micro = price.input * usage.input + price.output * usage.output
    if usage.cached and price.cached is not None:
        micro += (price.cached - price.input) * usage.cached
    if usage.cache_written and price.cache_written is not None:
        micro += (price.cache_written - price.input) * usage.cache_written
    if usage.seconds or usage.characters:
        micro += MICRO * (price.second * Decimal(str(usage.seconds)) + price.character * usage.characters)
    return min(math.ceil(micro), LARGEST_MICRO)
