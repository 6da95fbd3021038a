"""Language models and routes, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from avstudio_core import Candidate, Model, Session, Studio
    from avstudio_core.chat import Usage

    Price = Callable[[Model, Usage], int | None]


def model_data(studio: Studio) -> list[dict[str, Any]]:
    """Every known model once, and every backend without models."""
    return [_model(candidate, studio.llm.price) for candidate in known_models(studio)]


def known_models(session: Session) -> list[Candidate]:
    """Every known model once, as it was first listed."""
    known = {candidate.model.id: candidate for candidate in reversed(session.llm.models())}
    return [*reversed(known.values())]


def route_data(studio: Studio, prompt: str, options: dict[str, Any]) -> dict[str, Any]:
    """Which model would answer, and why. Raises `NoModel`."""
    return studio.llm.route(prompt, **options).model_dump(mode="json")


def _model(candidate: Candidate, price: Price) -> dict[str, Any]:
    model = candidate.model
    listed = model.name != "*"
    return {
        "id": model.id,
        **model.model_dump(mode="json", exclude={"priced_as"}),
        "local": model.local if listed else None,
        "price": _prices(model, price) if listed else None,
        "obstacle": candidate.obstacle,
        "hint": candidate.hint,
    }


def _prices(model: Model, price: Price) -> dict[str, float | None]:
    """US dollars for a million tokens, from the price of a thousand: a long request may have another rate."""
    from avstudio_core.chat import Usage

    costs = {"input": price(model, Usage(input=1000)), "output": price(model, Usage(output=1000))}
    return {name: None if cost is None else cost / 1000 for name, cost in costs.items()}
