"""The sums that budgets are held against: for each budget of a call, what is spent and reserved in the period.

A sum is made from the calls' own rows when it is first needed, and kept up by each call from then on; so a limit that
is set in the middle of a month counts what the month has cost, and `rebuild` can compare the two at any time. A clock
that goes back books where it says, onto sums that hold what that period has cost already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, bindparam, func, insert, select, true, update

from avstudio_core.chat import Account
from avstudio_core.errors import OverBudget
from avstudio_core.gateway.budgets import EACH, Alert, Budget, Standing, named, scopes
from avstudio_core.gateway.money import dollars
from avstudio_core.gateway.periods import Period, span, starts
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.prepared import rows
from avstudio_core.storage.tables import alerts, api_calls, budgets, cost_records, counters, events, reservations

PERCENTS = (60, 80, 100)
KINDS = ("global", "project", "key", "task", "agent")
PERIODS: tuple[Period, ...] = ("day", "month", "total")

_SCOPES: list[Any] = [bindparam(f"b_{kind}") for kind in KINDS]
_STARTS: list[Any] = [bindparam(f"b_{period}") for period in PERIODS]
_EACH: list[Any] = [bindparam(f"b_each_{kind}", f"{kind}{EACH}") for kind in KINDS[1:]]
_COLUMNS = tuple(Standing.model_fields)


def _of_call(table: Any) -> ColumnElement[bool]:
    """The sums of a call's scopes in the periods that hold its time."""
    return and_(table.c.scope.in_(_SCOPES), table.c.period_start.in_(_STARTS))


def _columns(table: Any) -> list[Any]:
    return [table.c[name] for name in _COLUMNS]


RULING = select(budgets.c.scope, budgets.c.period, budgets.c.limit_micro).where(budgets.c.scope.in_([*_SCOPES, *_EACH]))
OPEN = select(*_columns(counters)).where(_of_call(counters))
_full = counters.alias()
TIGHT = select(*_columns(_full)).where(
    _of_call(_full), _full.c.spent_micro + _full.c.reserved_micro + bindparam("b_amount") > _full.c.limit_micro
)
RESERVE = (
    update(counters)
    .where(_of_call(counters), ~TIGHT.exists())
    .values(reserved_micro=counters.c.reserved_micro + bindparam("b_amount"))
)
SETTLE = (
    update(counters)
    .where(_of_call(counters))
    .values(
        spent_micro=counters.c.spent_micro + bindparam("b_cost"),
        reserved_micro=counters.c.reserved_micro - bindparam("b_amount"),
    )
    .returning(*_columns(counters))
)
ADD = insert(counters)
ALERT = insert(alerts).prefix_with("OR IGNORE")
TELL = insert(events)


@dataclass(frozen=True)
class Booking:
    """What a call adds to: the budgets of its account, in the periods of the time at which it was reserved."""

    account: Account
    at: float

    @cached_property
    def scopes(self) -> dict[str, str]:
        return scopes(self.account)

    @cached_property
    def values(self) -> dict[str, str]:
        found = {f"b_{kind}": scope for kind, scope in self.scopes.items()}
        return found | {f"b_{period}": start for period, start in starts(self.at).items()}

    def ruled(self, limits: Iterable[tuple[Any, ...]]) -> list[Standing]:
        """The sums that budgets rule; a scope's own budget goes before that of each of its kind."""
        known = {(scope, period): limit for scope, period, limit in limits}
        begun = starts(self.at)
        found: list[Standing] = []
        for kind, scope in self.scopes.items():
            for period in PERIODS if scope else ():
                limit = known.get((scope, period), known.get((f"{kind}{EACH}", period)))
                if limit is not None:
                    found.append(Standing(scope=scope, period=period, limit_micro=limit, period_start=begun[period]))
        return found


def reserve(transaction: Transaction, booking: Booking, amount: int) -> OverBudget | None:
    """Set an amount aside in every budget of a call, or in none: then the answer says which one has no room."""
    ruled = booking.ruled(transaction.run(RULING, booking.values).fetchall())
    if not ruled:
        return None
    _open(transaction, booking, ruled)
    values = booking.values | {"b_amount": amount}
    if transaction.run(RESERVE, values).rowcount:
        return None
    tight = _standing(transaction.run(TIGHT, values).fetchone())
    return OverBudget(_refusal(tight, amount), scope=tight.scope)


def settle(transaction: Transaction, booking: Booking, amount: int, cost: int, now: float) -> list[Alert]:
    """Turn what was set aside into what was spent; give the alerts that are new."""
    changed = transaction.run(SETTLE, booking.values | {"b_amount": amount, "b_cost": cost}).fetchall()
    return [alert for row in changed for alert in _alerts(transaction, _standing(row), now)]


def standings(connection: Connection, booking: Booking) -> list[Standing]:
    """How the budgets stand that rule calls of an account."""
    ruled = booking.ruled(rows(connection, RULING, booking.values))
    if not ruled:
        return []
    opened = [_standing(row) for row in rows(connection, OPEN, booking.values)]
    known = {(one.scope, one.period): one for one in opened}
    return [known.get((one.scope, one.period)) or summed(connection, one) for one in ruled]


def summed(connection: Connection, standing: Standing) -> Standing:
    """The sums from the rows of the calls themselves."""
    spent = _sum(cost_records.c.cost_micro).join(api_calls).where(_within(api_calls, standing))
    reserved = _sum(reservations.c.amount_micro).where(_within(reservations, standing))
    sums = {"spent_micro": connection.execute(spent).scalar(), "reserved_micro": connection.execute(reserved).scalar()}
    return standing.model_copy(update=sums)


def standing_of(connection: Connection, budget: Budget, now: float) -> Standing:
    """How a budget stands in the present period."""
    standing = Standing(**budget.model_dump(), period_start=starts(now)[budget.period])
    if budget.rules_each:
        return standing
    where = (counters.c.scope == budget.scope, counters.c.period_start == standing.period_start)
    row = connection.execute(select(*_columns(counters)).where(*where)).first()
    return _standing(row) if row else summed(connection, standing)


def rebuild(transaction: Transaction) -> list[tuple[Standing, Standing]]:
    """Make every sum anew from the rows; give those that were wrong, as they were and as they are."""
    transaction.flush()
    found = [_standing(row) for row in transaction.execute(select(*_columns(counters)))]
    pairs = [(one, summed(transaction.connection, one)) for one in found]
    wrong = [(was, now) for was, now in pairs if was != now]
    for _, now in wrong:
        sums = now.model_dump(include={"spent_micro", "reserved_micro"})
        where = (counters.c.scope == now.scope, counters.c.period_start == now.period_start)
        transaction.execute(update(counters).where(*where).values(sums))
    return wrong


def _open(transaction: Transaction, booking: Booking, ruled: list[Standing]) -> None:
    """Make the sums that are needed for the first time."""
    known = {(row[0], row[1]) for row in transaction.run(OPEN, booking.values).fetchall()}
    missing = [one for one in ruled if (one.scope, one.period) not in known]
    if missing:
        transaction.flush()  # the rows of calls that share this transaction count, too
    for one in missing:
        transaction.run(ADD, summed(transaction.connection, one).model_dump())


def _sum(column: Column[int]) -> Any:
    return select(func.coalesce(func.sum(column), 0))


def _within(table: Any, standing: Standing) -> ColumnElement[bool]:
    """The rows of a scope in a period."""
    kind, _, name = standing.scope.partition(":")
    of_scope = table.c[kind] == name if name else true()
    if standing.period == "total":
        return of_scope
    begin, end = span(standing.period, standing.period_start)
    return and_(of_scope, table.c.at >= begin, table.c.at < end)


def _standing(row: Any) -> Standing:
    return Standing.model_construct(**dict(zip(_COLUMNS, row, strict=True)))


def _alerts(transaction: Transaction, standing: Standing, now: float) -> list[Alert]:
    """Note each threshold that is reached, and tell of those that nobody has noted before."""
    found: list[Alert] = []
    for percent in PERCENTS:
        if standing.spent_micro == 0 or standing.spent_micro * 100 < standing.limit_micro * percent:
            break
        known = standing.model_dump(include={"scope", "period", "period_start"})
        if transaction.run(ALERT, known | {"percent": percent, "at": now}).rowcount:
            alert = Alert(**known, percent=percent, limit_micro=standing.limit_micro, spent_micro=standing.spent_micro)
            told = {"task_id": "", "time": now, "type": "budget.alert", "data": alert.model_dump_json()}
            transaction.later(TELL, told)
            found.append(alert)
    return found


def _refusal(tight: Standing, amount: int) -> str:
    return (
        f"Budget '{tight.scope}' ({named(tight.period, tight.period_start)}) has no room: {dollars(tight.spent_micro)} "
        f"spent and {dollars(tight.reserved_micro)} reserved of {dollars(tight.limit_micro)}, and this call may cost "
        f"{dollars(amount)}. Use a local model, or raise it: avstudio budgets set"
    )
