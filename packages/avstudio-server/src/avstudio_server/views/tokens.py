"""How many tokens a text has, and what reading it costs, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_core import tokens

if TYPE_CHECKING:
    from avstudio_core import Studio


def token_data(text: str) -> dict[str, Any]:
    """The number of characters, the estimated number of tokens, and its upper bound."""
    return {"characters": len(text), "about": tokens.estimate(text), "at_most": tokens.bound(text)}


def price_data(studio: Studio, about: int, at_most: int) -> list[dict[str, Any]]:
    """The price of reading so many tokens with each model that has a price; the highest comes last."""
    from avstudio_core.chat import Usage

    costs = {}
    for candidate in studio.llm.models():
        most = studio.llm.price(candidate.model, Usage(input=at_most))
        if most:
            least = studio.llm.price(candidate.model, Usage(input=about)) or 0
            costs[candidate.model.id] = {"about_micro": least, "at_most_micro": most}
    return [{"model": name, **one} for name, one in sorted(costs.items(), key=lambda one: one[1]["at_most_micro"])]
