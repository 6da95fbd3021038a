"""Language models as a table, and a route as lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from avstudio_core.money import dollars
from avstudio_server.cli.hints import hint, secret
from avstudio_server.cli.terminal.tables import table

ABILITIES = ("chat", "embed", "tools", "vision", "json_schema")


def model_table(found: list[dict[str, Any]]) -> str:
    """One line for each model."""
    if not found:
        return "No backends are installed. To install some: pip install 'avstudio-llm'"
    columns = ("MODEL", "WHERE", "CAN", "CONTEXT", "QUALITY", "$/M IN", "$/M OUT", "STATE")
    return table(columns, [_row(one) for one in found])


def route_text(found: dict[str, Any]) -> str:
    """A decision of the router as text."""
    return "\n".join(_lines(found))


def obstacle_text(one: dict[str, Any]) -> str:
    """Why a model or backend cannot answer, with what the user can do; empty if it can."""
    return _with_hint(one["obstacle"], one["hint"]) if one["obstacle"] else ""


def _with_hint(reason: str, text: str) -> str:
    return f"{secret(reason)}. {hint('', text)}" if text else secret(reason)


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    if one["price"] is None:
        return (one["id"], *[""] * 6, f"no: {obstacle_text(one)}")
    can = ", ".join(name.replace("_schema", "") for name in ABILITIES if one["can"][name])
    prices = [_dollars(one["price"][name]) for name in ("input", "output")]
    where = "here" if one["local"] else "cloud"
    state = f"no: {obstacle_text(one)}" if one["obstacle"] else "ready"
    return (one["id"], where, can, one["can"]["context"], f"{one['quality']:g}", *prices, state)


def _dollars(price: float | None) -> str:
    return "?" if price is None else f"{price:g}" if price else "free"


def _lines(found: dict[str, Any]) -> Iterator[str]:
    estimate = found["estimate"]
    yield f"{found['chosen']}: {found['reason']} (rule: {found['rule']})"
    yield f"tokens: about {estimate['input_tokens']} read, {estimate['output_tokens']} written"
    if estimate["cost_micro"] is None:
        yield "cost: unknown"
    elif not estimate["most_micro"]:
        yield "cost: none"
    else:
        yield f"cost: about {dollars(estimate['cost_micro'])}, at most {dollars(estimate['most_micro'])}"
    if found["fallbacks"]:
        yield f"then: {', '.join(found['fallbacks'])}"
    if found["rejected"]:
        yield from ("not:", *(f"  {line}" for line in _rejected(found["rejected"])))


def _rejected(rejected: list[dict[str, Any]]) -> list[str]:
    width = max(len(one["model"]) for one in rejected)
    return [f"{one['model'].ljust(width)}  {_with_hint(one['reason'], one['hint'])}" for one in rejected]
