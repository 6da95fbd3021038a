"""Costs of language models and budgets, as data."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    from avstudio_core.gateway.ledger.budgets import Standing
    from avstudio_core.gateway.ledger.costs import By
    from avstudio_core.gateway.ledger.ledger import Ledger

DAY_SECONDS = 86_400
USUAL_DAYS = 30
SECTIONS: tuple[By, ...] = ("day", "model", "project")


def cost_data(ledger: Ledger, since: str | None) -> dict[str, Any]:
    """The lines of each section since a day, that day included. Raises `InvalidInput` for an invalid date."""
    begin = _midnight(since) if since else (time.time() // DAY_SECONDS - USUAL_DAYS + 1) * DAY_SECONDS
    lines = {f"by_{by}": [line.model_dump() for line in ledger.spending(by, begin)] for by in SECTIONS}
    total = sum(line["cost_micro"] for line in lines["by_day"])
    return {"since": f"{datetime.fromtimestamp(begin, UTC):%Y-%m-%d}", "cost_micro": total, **lines}


def budget_data(budget: Standing) -> dict[str, Any]:
    return {**asdict(budget), "room_micro": None if budget.rules_each else budget.room_micro}


def _midnight(day: str) -> float:
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise InvalidInput(f"{quoted(day)} is not a date.", hint="Write a date such as 2026-11-22.") from None
