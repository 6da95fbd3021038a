"""Language models and routes, as they are listed and shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from avstudio_core.money import dollars
from avstudio_core.studio import Studio
from avstudio_server.cli.terminal.tables import table

if TYPE_CHECKING:
    from avstudio_core.gateway.models.prices import Prices
    from avstudio_core.language_models import Model
    from avstudio_core.routes import Candidate

ABILITIES = ("chat", "embed", "tools", "vision", "json_schema")


def model_data() -> list[dict[str, Any]]:
    """Every model that is known, once, and every backend that has none to offer."""
    with Studio(own=True) as studio:
        door = studio.llm
        found = {candidate.model.id: candidate for candidate in reversed(door.models())}
        return [_model(candidate, door.gateway.prices) for candidate in reversed(found.values())]


def model_table(found: list[dict[str, Any]]) -> str:
    """One line a model."""
    if not found:
        return "There are no backends. To get some: pip install 'avstudio-llm'"
    columns = ("MODEL", "WHERE", "CAN", "CONTEXT", "QUALITY", "$/M IN", "$/M OUT", "STATE")
    return table(columns, [_row(one) for one in found])


def route_data(prompt: str, options: dict[str, Any]) -> dict[str, Any]:
    """Who would answer, and why. Raises `NoModel`."""
    with Studio(own=True) as studio:
        return studio.llm.route(prompt, **options).model_dump(mode="json")


def route_text(found: dict[str, Any]) -> str:
    """A decision for people."""
    return "\n".join(_lines(found))


def _model(candidate: Candidate, prices: Prices) -> dict[str, Any]:
    model = candidate.model
    listed = model.name != "*"
    return {
        "id": model.id,
        **model.model_dump(mode="json", exclude={"priced_as"}),
        "local": model.local if listed else None,
        "price": _price(model, prices) if listed else None,
        "obstacle": candidate.obstacle,
    }


def _price(model: Model, prices: Prices) -> dict[str, float | None]:
    """US dollars for a million tokens, by what a thousand cost: many at once may cost more, or less."""
    from avstudio_core.chat import Usage

    costs = {"input": prices.cost(model, Usage(input=1000)), "output": prices.cost(model, Usage(output=1000))}
    return {name: None if cost is None else cost / 1000 for name, cost in costs.items()}


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    if one["price"] is None:
        return (one["id"], *[""] * 6, f"no: {one['obstacle']}")
    can = ", ".join(name.replace("_schema", "") for name in ABILITIES if one["can"][name])
    prices = [_dollars(one["price"][name]) for name in ("input", "output")]
    where = "here" if one["local"] else "cloud"
    state = f"no: {one['obstacle']}" if one["obstacle"] else "ready"
    return (one["id"], where, can, one["can"]["context"], f"{one['quality']:g}", *prices, state)


def _dollars(price: float | None) -> str:
    return "?" if price is None else f"{price:g}" if price else "free"


def _lines(found: dict[str, Any]) -> Iterator[str]:
    estimate = found["estimate"]
    yield f"{found['chosen']}: {found['reason']} (rule: {found['rule']})"
    yield f"tokens: about {estimate['input_tokens']} read, {estimate['output_tokens']} written"
    if estimate["cost_micro"] is None:
        yield "cost: not known"
    elif not estimate["most_micro"]:
        yield "cost: none"
    else:
        yield f"cost: about {dollars(estimate['cost_micro'])}, at most {dollars(estimate['most_micro'])}"
    if found["fallbacks"]:
        yield f"then: {', '.join(found['fallbacks'])}"
    if found["rejected"]:
        yield "not:"
        yield from (f"  {line}" for line in _rejected(found["rejected"]))


def _rejected(rejected: list[dict[str, Any]]) -> list[str]:
    width = max(len(one["model"]) for one in rejected)
    return [f"{one['model'].ljust(width)}  {one['reason']}" for one in rejected]
