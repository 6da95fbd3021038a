"""Budgets: limits, each for one scope and one period, stored and validated; `counters` enforces them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, delete, select

from avstudio_core.errors import InvalidInput, NotFound
from avstudio_core.money import LARGEST_MICRO, dollars
from avstudio_core.periods import PERIODS, Period
from avstudio_core.quotes import quoted
from avstudio_core.storage.expressions import listed, upsert
from avstudio_core.storage.tables import alerts, budgets, counters

if TYPE_CHECKING:
    from avstudio_core.chat import Account
    from avstudio_core.storage.database import Transaction

SCOPE = re.compile(r"global|(project|key|task|agent|run):.+")
FORGET = [delete(table).where(table.c.scope.in_(listed("given"))) for table in (budgets, counters, alerts)]
EACH = ":*"
"""The end of a scope that means each project, key, task, agent or run without its own budget for the period."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit in millionths of a dollar."""

    scope: str
    period: Period
    limit_micro: int

    @property
    def rules_each(self) -> bool:
        return self.scope.endswith(EACH)


@dataclass(frozen=True, slots=True)
class Standing(Budget):
    """The state of a budget in the current period; a budget with '*' has no totals of its own."""

    period_start: str
    spent_micro: int = 0
    reserved_micro: int = 0

    @property
    def room_micro(self) -> int:
        return self.limit_micro - self.spent_micro - self.reserved_micro


def scopes(account: Account) -> dict[str, str]:
    """The scopes that pay for a call, by kind; a scope that is not set is empty."""
    return {
        "global": "global",
        "project": f"project:{account.project}",
        "key": f"key:{account.key}" if account.key else "",
        "task": f"task:{account.task}" if account.task else "",
        "agent": f"agent:{account.agent}" if account.agent else "",
        "run": f"run:{account.run}" if account.run else "",
    }


def checked(scope: str, period: str, limit_micro: int = 0) -> Budget:
    """A budget with a valid scope, period and limit. Raises `InvalidInput`."""
    if not isinstance(scope, str) or not SCOPE.fullmatch(scope) or not scope.isprintable():
        known = "global, project:NAME, key:ID, task:ID, agent:NAME or run:ID; '*' as the name means each"
        shown = quoted(ascii(scope)[1:-1] if isinstance(scope, str) else scope)
        raise InvalidInput(f"{shown} is not a valid scope.", hint=f"Give {known}.")
    valid = next((one for one in PERIODS if one == period), None)
    if valid is None:
        raise InvalidInput(f"{quoted(period)} is not a valid period.", hint=f"Give one of: {', '.join(PERIODS)}.")
    number = isinstance(limit_micro, int) and not isinstance(limit_micro, bool)
    if not number or not 0 <= limit_micro <= LARGEST_MICRO:
        shown = dollars(limit_micro) if number else quoted(limit_micro)
        hint = f"Give an amount from $0 to {dollars(LARGEST_MICRO)}."
        raise InvalidInput(f"{shown} is not a valid budget.", hint=hint)
    return Budget(scope, valid, limit_micro)


def store(transaction: Transaction, budget: Budget, now: float) -> None:
    """Set a limit. Its totals are dropped, and computed again from the recorded calls at the next call."""
    values = {"limit_micro": budget.limit_micro, "set_at": now}
    transaction.execute(upsert(budgets, {"scope": budget.scope, "period": budget.period}, values))
    _forget(transaction, budget)


def drop(transaction: Transaction, budget: Budget) -> None:
    """Remove a limit. Raises `NotFound`."""
    gone = delete(budgets).where(budgets.c.scope == budget.scope, budgets.c.period == budget.period)
    if not transaction.execute(gone).rowcount:
        message = f"No budget is set for '{budget.scope}' per {budget.period}."
        raise NotFound(message, hint="See the list of budgets.")
    _forget(transaction, budget)


def forget(transaction: Transaction, scopes: Collection[str]) -> None:
    """Remove the limits and totals of scopes whose work is removed; what its calls have cost stays recorded."""
    given = {"given": json.dumps([*scopes])}
    if sum(transaction.execute(statement, given).rowcount for statement in FORGET):
        transaction.next_generation()


def every(connection: Connection) -> list[Budget]:
    columns = (budgets.c.scope, budgets.c.period, budgets.c.limit_micro)
    return [Budget(*row) for row in connection.execute(select(*columns).order_by(*columns[:2]))]


def _forget(transaction: Transaction, budget: Budget) -> None:
    """Drop the totals, which contain the old limit, and the alerts, so that the new limit raises its own alerts."""
    transaction.next_generation()
    for table in (counters, alerts):
        gone = delete(table).where(_ruled(table.c.scope, budget), table.c.period == budget.period)
        transaction.execute(gone)


def _ruled(scope: ColumnElement[str], budget: Budget) -> ColumnElement[bool]:
    """The scopes that a budget limits."""
    if not budget.rules_each:
        return scope == budget.scope
    own = select(budgets.c.scope).where(budgets.c.period == budget.period)
    return and_(scope.startswith(budget.scope.removesuffix("*"), autoescape=True), scope.not_in(own))
