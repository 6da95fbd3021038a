"""Costs and budgets as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from avstudio_core.money import dollars
from avstudio_server.cli.terminal.tables import table
from avstudio_server.views.costs import SECTIONS

if TYPE_CHECKING:
    from avstudio_core.gateway.ledger.budgets import Standing

BAR = 20
"""Characters of the longest bar."""


def cost_text(data: dict[str, Any]) -> str:
    """The sections as tables, each line with its bar."""
    if not data["by_day"]:
        return f"No calls since {data['since']}."
    tables = [_section(by.upper(), data[f"by_{by}"]) for by in SECTIONS]
    total = f"{dollars(data['cost_micro'])} since {data['since']}."
    if lost := sum(line["lost"] for line in data["by_day"]):
        total += f" Interrupted calls, counted with the most that they could cost: {lost}."
    return "\n\n".join([*tables, total])


def budget_table(budgets: Sequence[Standing]) -> str:
    """Each budget with what is spent, reserved and left."""
    columns = ("SCOPE", "PER", "LIMIT", "SPENT", "RESERVED", "LEFT", "")
    return table(columns, [_budget(one) for one in budgets])


def bar(share: float) -> str:
    """A bar for a share between 0 and 1; every share above 0 is visible."""
    return "█" * max(round(share * BAR), share > 0)


def _section(heading: str, lines: list[dict[str, Any]]) -> str:
    dearest = max(line["cost_micro"] for line in lines) or 1
    rows = [
        (
            line["name"],
            line["calls"],
            line["input"],
            line["output"],
            dollars(line["cost_micro"]),
            bar(line["cost_micro"] / dearest),
        )
        for line in lines
    ]
    return table((heading, "CALLS", "TOKENS IN", "TOKENS OUT", "COST", ""), rows)


def _budget(budget: Standing) -> tuple[str, ...]:
    begun = (budget.scope, budget.period, dollars(budget.limit_micro))
    if budget.rules_each:
        return (*begun, "", "", "", "for each without a budget of its own")
    sums = (budget.spent_micro, budget.reserved_micro, budget.room_micro)
    return (*begun, *map(dollars, sums), bar(min(1.0, budget.spent_micro / (budget.limit_micro or 1))))
