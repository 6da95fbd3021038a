"""Usage and cost of calls, summed from their rows."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, case, func, select

from avstudio_core.errors import InvalidInput
from avstudio_core.gateway.ledger.call_facts import Payer
from avstudio_core.quotes import quoted
from avstudio_core.storage.expressions import utc_day
from avstudio_core.storage.tables import api_calls, cost_records, token_usage

By = Literal["day", "model", "project"]

_CALL: dict[By, ColumnElement[Any]] = {
    "day": utc_day(api_calls.c.at),
    "model": api_calls.c.backend + "/" + api_calls.c.model,
    "project": api_calls.c.project,
}


class Spending(BaseModel):
    """The calls of one day (in UTC), model or project; `lost` counts those whose real cost is unknown."""

    model_config = ConfigDict(frozen=True)

    name: str
    calls: int
    lost: int
    input: int
    output: int
    cost_micro: int


def spending(
    connection: Connection,
    by: By,
    since: float | None = None,
    payer: Payer | None = None,
    project: str | None = None,
) -> list[Spending]:
    """One line for each day, the oldest first, or for each model or project, the most expensive first.

    With a `payer`, only the calls of its key, or of the owner if it has none; with a `project`, only those in it.
    """
    if by not in get_args(By):
        raise InvalidInput(f"Costs are not summed by {quoted(by)}.", hint=f"Use: {', '.join(get_args(By))}.")
    cost = _per_call(cost_records, "cost_micro")
    usage = _per_call(token_usage, "input", "output")
    named = _CALL[by].label("name")
    query = (
        select(
            named,
            func.count().label("calls"),
            func.sum(case((api_calls.c.outcome == "lost", 1), else_=0)).label("lost"),
            func.sum(usage.c.input).label("input"),
            func.sum(usage.c.output).label("output"),
            func.sum(cost.c.cost_micro).label("cost_micro"),
        )
        .join(cost, cost.c.call_id == api_calls.c.id)
        .join(usage, usage.c.call_id == api_calls.c.id)
        .group_by(named)
        .order_by(named if by == "day" else func.sum(cost.c.cost_micro).desc(), named)
    )
    if since is not None:
        query = query.where(api_calls.c.at >= since)
    if payer is not None:
        query = query.where(api_calls.c.key == payer.key if payer.key else api_calls.c.owner == payer.owner)
    if project is not None:
        query = query.where(api_calls.c.project == project)
    return [Spending.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def _per_call(table: Any, *columns: str) -> Any:
    """The sums of a table's columns for each call; a corrected call has several rows."""
    sums = [func.sum(table.c[column]).label(column) for column in columns]
    return select(table.c.call_id, *sums).group_by(table.c.call_id).subquery()
