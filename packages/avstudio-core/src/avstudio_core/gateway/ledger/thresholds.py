"""The thresholds of a budget: 60, 80 and 100 %, each reported once in a period, by the first process that sees it."""

from __future__ import annotations

from sqlalchemy import insert

from avstudio_core.alerts import Alert
from avstudio_core.gateway.ledger.budgets import Standing
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.expressions import insert_new
from avstudio_core.storage.tables import alerts, events

PERCENTS = (60, 80, 100)
NOTE = insert_new(alerts)
TELL = insert(events)


def raised(transaction: Transaction, standing: Standing, now: float) -> list[Alert]:
    """Record each threshold that is reached; return the new ones."""
    found: list[Alert] = []
    for percent in PERCENTS:
        if standing.spent_micro <= 0 or standing.spent_micro * 100 < standing.limit_micro * percent:
            break
        noted = {name: getattr(standing, name) for name in ("scope", "period", "period_start")}
        if transaction.run(NOTE, noted | {"percent": percent, "at": now}).rowcount:
            alert = Alert(**noted, percent=percent, limit_micro=standing.limit_micro, spent_micro=standing.spent_micro)
            told = {"subject": standing.scope, "owner": "local", "time": now, "type": "budget.alert"}
            transaction.later(TELL, told | {"data": alert.model_dump_json()})
            found.append(alert)
    return found
