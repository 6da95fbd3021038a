"""The gateway: what was spent, how long a text is, and which model would answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from avstudio_core import RouteDecision, tokens
from avstudio_core.gateway.ledger.costs import By, Spending
from avstudio_server.http.caller import CallerSession
from avstudio_server.rest.nouns import routes_of
from avstudio_server.rest.routes.llm import ChatBody

router = routes_of("gateway")


class Costs(BaseModel):
    """What was spent, and the budgets."""

    by: By
    lines: list[Spending]
    cost_micro: int = Field(description="The sum, in millionths of a dollar.")
    budgets: list[dict[str, Any]]


class TextToCount(BaseModel):
    """A text."""

    text: str = Field(max_length=2_000_000)


class TokenCount(BaseModel):
    """How many tokens a text has, for a model that is not known."""

    characters: int
    about: int
    at_most: int


@router.get("/cost")
def cost(
    session: CallerSession,
    by: By = "day",
    since: Annotated[float | None, Query(ge=0, allow_inf_nan=False, description="Seconds since the epoch.")] = None,
) -> Costs:
    """The cost of calls to language models, and the budgets that limit them."""
    lines = session.costs(by, since)
    budgets = [asdict(one) for one in session.budgets()]
    return Costs(by=by, lines=lines, cost_micro=sum(one.cost_micro for one in lines), budgets=budgets)


@router.post("/tokens")
def count(given: TextToCount, session: CallerSession) -> TokenCount:
    """The estimated number of tokens of a text, and its upper bound."""
    session.principal.require("chat")
    text = given.text
    return TokenCount(characters=len(text), about=tokens.estimate(text), at_most=tokens.bound(text))


@router.post("/route")
def route(given: ChatBody, session: CallerSession) -> RouteDecision:
    """Which model would answer a request, why, and at what cost; no model is called."""
    return session.route(given.request())
