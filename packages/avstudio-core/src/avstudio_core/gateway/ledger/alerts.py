"""Telling that a budget comes to its end: at 60, 80 and 100 %, once a period, whichever process sees it first."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from sqlalchemy import insert

from avstudio_core.gateway.ledger.budgets import Standing, named
from avstudio_core.gateway.ledger.periods import Period
from avstudio_core.money import dollars
from avstudio_core.storage.sqlite.database import Transaction
from avstudio_core.storage.tables import alerts, events

PERCENTS = (60, 80, 100)
NOTE = insert(alerts).prefix_with("OR IGNORE")
TELL = insert(events)


class Alert(BaseModel):
    """A budget is spent to 60, 80 or 100 %."""

    model_config = ConfigDict(frozen=True)

    scope: str
    period: Period
    period_start: str
    percent: int
    limit_micro: int
    spent_micro: int

    def __str__(self) -> str:
        return (
            f"Budget '{self.scope}' ({named(self.period, self.period_start)}) is spent to {self.percent} %: "
            f"{dollars(self.spent_micro)} of {dollars(self.limit_micro)}."
        )


def raised(transaction: Transaction, standing: Standing, now: float) -> list[Alert]:
    """Note each threshold that is reached, and tell of those that nobody has noted before."""
    found: list[Alert] = []
    for percent in PERCENTS:
        if standing.spent_micro <= 0 or standing.spent_micro * 100 < standing.limit_micro * percent:
            break
        noted = {name: getattr(standing, name) for name in ("scope", "period", "period_start")}
        if transaction.run(NOTE, noted | {"percent": percent, "at": now}).rowcount:
            alert = Alert(**noted, percent=percent, limit_micro=standing.limit_micro, spent_micro=standing.spent_micro)
            told = {"task_id": "", "time": now, "type": "budget.alert", "data": alert.model_dump_json()}
            transaction.later(TELL, told)
            found.append(alert)
    return found
