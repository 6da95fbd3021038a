"""Language models and routes, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core import Candidate, Model, Studio
    from avstudio_core.gateway.models.prices import Prices


def model_data(studio: Studio) -> list[dict[str, Any]]:
    """Every known model once, and every backend without models."""
    known = {candidate.model.id: candidate for candidate in reversed(studio.llm.models())}
    return [_model(candidate, studio.llm.gateway.prices) for candidate in reversed(known.values())]


def route_data(studio: Studio, prompt: str, options: dict[str, Any]) -> dict[str, Any]:
    """Which model would answer, and why. Raises `NoModel`."""
    return studio.llm.route(prompt, **options).model_dump(mode="json")


def _model(candidate: Candidate, prices: Prices) -> dict[str, Any]:
    model = candidate.model
    listed = model.name != "*"
    return {
        "id": model.id,
        **model.model_dump(mode="json", exclude={"priced_as"}),
        "local": model.local if listed else None,
        "price": _price(model, prices) if listed else None,
        "obstacle": candidate.obstacle,
        "hint": candidate.hint,
    }


def _price(model: Model, prices: Prices) -> dict[str, float | None]:
    """US dollars for a million tokens, from the price of a thousand: a long request may have another rate."""
    from avstudio_core.chat import Usage

    costs = {"input": prices.cost(model, Usage(input=1000)), "output": prices.cost(model, Usage(output=1000))}
    return {name: None if cost is None else cost / 1000 for name, cost in costs.items()}
