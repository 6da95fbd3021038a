"""Reserves and settles against budgets: each budget of a call has totals of what is spent and reserved in the period.

Totals are computed from the rows of calls when they are first needed, and then updated by each call; so a limit that
is set in the middle of a month counts the month's earlier cost, and `rebuild` can compare totals and rows at any time.
If the clock goes back, calls are added to the totals of the earlier period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
    update,
)

from avstudio_core.alerts import Alert
from avstudio_core.chat import Account
from avstudio_core.errors import OverBudget
from avstudio_core.gateway.ledger import thresholds
from avstudio_core.gateway.ledger.budgets import EACH, Budget, Standing, scopes
from avstudio_core.gateway.ledger.last_steps import KEPT
from avstudio_core.money import dollars
from avstudio_core.periods import PERIODS, named, span, starts
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.queries import rows
from avstudio_core.storage.tables import LOCAL_OWNER, api_calls, budgets, cost_records, counters, reservations

REMEMBERED = 1000
"""For how many accounts an `Openings` remembers whether budgets limit them."""
OWN = ("key:", "task:", "run:")
"""The scopes that only one owner uses."""
KINDS = ("global", "project", "key", "task", "agent", "run")

_SCOPES: list[Any] = [bindparam(f"b_{kind}") for kind in KINDS]
_STARTS: list[Any] = [bindparam(f"b_{period}") for period in PERIODS]
_EACH: list[Any] = [bindparam(f"b_each_{kind}", f"{kind}{EACH}") for kind in KINDS[1:]]
_COLUMNS = tuple(field.name for field in fields(Standing))


def _of_call(table: Any) -> ColumnElement[bool]:
    """The totals of a call's scopes in the periods that contain its time."""
    return and_(table.c.scope.in_(_SCOPES), table.c.period_start.in_(_STARTS))


def _columns(table: Any) -> list[Any]:
    return [table.c[name] for name in _COLUMNS]


_limits = (budgets.c.scope, budgets.c.period, budgets.c.limit_micro)
RULING = union_all(
    select(*_limits, literal(""), literal(0), literal(0)).where(budgets.c.scope.in_([*_SCOPES, *_EACH])),
    select(*_columns(counters)).where(_of_call(counters)),
)
"""The limits that may apply to a call, without a start, and the existing totals."""
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
_left = _full.c.limit_micro - _full.c.limit_micro // bindparam("b_part")
KEEPS = select(*_columns(_full)).where(
    _full.c.scope == bindparam("b_run"),
    _full.c.limit_micro > 0,
    _full.c.spent_micro + _full.c.reserved_micro + bindparam("b_amount") > _left,
)
"""The totals of a run without what it keeps for its last steps."""


@dataclass(frozen=True)
class Booking:
    """The totals of a call: the budgets of its account, in the periods of the time of its reservation."""

    account: Account
    at: float

    @cached_property
    def scopes(self) -> dict[str, str]:
        return scopes(self.account)

    @cached_property
    def values(self) -> dict[str, str]:
        found = {f"b_{kind}": scope for kind, scope in self.scopes.items()}
        return found | {f"b_{period}": start for period, start in starts(self.at).items()}

    def sorted_out(self, found: Sequence[tuple[Any, ...]]) -> tuple[list[Standing], list[Standing]]:
        """From the rows of `RULING`: the existing totals, and the missing ones that a budget needs."""
        opened = [Standing(*row) for row in found if row[3]]
        known = {(one.scope, one.period) for one in opened}
        limits = {(row[0], row[1]): row[2] for row in found if not row[3]}
        return opened, [one for one in self._ruled(limits) if (one.scope, one.period) not in known]

    def _ruled(self, limits: Mapping[tuple[str, str], int]) -> Iterator[Standing]:
        """The scopes with their limits; a scope's own limit replaces that of '*'."""
        begun = starts(self.at)
        for kind, scope in self.scopes.items():
            for period in PERIODS if scope else ():
                limit = limits.get((scope, period), limits.get((f"{kind}{EACH}", period)))
                if limit is not None:
                    yield Standing(scope, period, limit, begun[period])


class Openings:
    """Creates the totals that a call needs, and remembers that for the next call."""

    def __init__(self) -> None:
        self._known: dict[tuple[Account, str], tuple[int, bool]] = {}

    def rule(self, transaction: Transaction, booking: Booking) -> bool:
        """Whether any budget limits a call; if so, all its totals exist from now on."""
        key, generation = (booking.account, starts(booking.at)["day"]), transaction.generation()
        known, ruled = self._known.get(key, (None, False))
        if known == generation:  # totals are removed only when budgets change, which raises the generation
            return ruled
        opened, missing = booking.sorted_out(transaction.run(RULING, booking.values).fetchall())
        if missing:
            _open(transaction, missing)
        ruled = bool(opened or missing)
        transaction.after_commit(lambda: self._remember(key, generation, ruled))
        return ruled

    def _remember(self, key: tuple[Account, str], generation: int, ruled: bool) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[key] = generation, ruled


def reserve(transaction: Transaction, booking: Booking, amount: int, *, keep: bool = False) -> OverBudget | None:
    """Reserve an amount in all totals of a call, or in none; then return the error about the budget.

    `keep` leaves what is kept for the last steps of a run.
    """
    values = booking.values | {"b_amount": amount}
    found = transaction.execute(KEEPS, values | {"b_part": KEPT}).first() if keep else None
    if found is None and transaction.run(RESERVE, values).rowcount:
        return None
    tight = Standing(*(found or transaction.run(TIGHT, values).fetchone()))
    message = _refusal(tight, amount, booking.account) + (" A tenth is kept for its last steps." if found else "")
    return OverBudget(message, hint="Use a local model, or raise the budget.", scope=tight.scope)


def settle(transaction: Transaction, booking: Booking, amount: int, cost: int, now: float) -> list[Alert]:
    """Replace a reserved amount by the amount spent; return the new alerts."""
    changed = transaction.run(SETTLE, booking.values | {"b_amount": amount, "b_cost": cost}).fetchall()
    return [alert for row in changed for alert in thresholds.raised(transaction, Standing(*row), now)]


def standings(connection: Connection, booking: Booking) -> list[Standing]:
    """The state of the budgets that limit calls of an account."""
    opened, missing = booking.sorted_out(rows(connection, RULING, booking.values))
    return [*opened, *(summed(connection, one) for one in missing)]


def summed(connection: Connection, standing: Standing) -> Standing:
    """The totals, computed from the rows of calls."""
    spent = _sum(cost_records.c.cost_micro).join(api_calls).where(_within(api_calls, standing))
    reserved = _sum(reservations.c.amount_micro).where(_within(reservations, standing))
    spent_micro, reserved_micro = connection.execute(spent).scalar_one(), connection.execute(reserved).scalar_one()
    return replace(standing, spent_micro=spent_micro, reserved_micro=reserved_micro)


def standing_of(connection: Connection, budget: Budget, now: float) -> Standing:
    """The state of a budget in the current period."""
    standing = Standing(budget.scope, budget.period, budget.limit_micro, starts(now)[budget.period])
    if budget.rules_each:
        return standing
    where = (counters.c.scope == budget.scope, counters.c.period_start == standing.period_start)
    row = connection.execute(select(*_columns(counters)).where(*where)).first()
    return Standing(*row) if row else summed(connection, standing)


def rebuild(transaction: Transaction) -> list[tuple[Standing, Standing]]:
    """Compute all totals again from the rows; return the wrong ones, before and after."""
    found = [Standing(*row) for row in transaction.execute(select(*_columns(counters)))]
    pairs = [(one, summed(transaction.connection, one)) for one in found]
    wrong = [(was, now) for was, now in pairs if was != now]
    for _, now in wrong:
        sums = {"spent_micro": now.spent_micro, "reserved_micro": now.reserved_micro}
        where = (counters.c.scope == now.scope, counters.c.period_start == now.period_start)
        transaction.execute(update(counters).where(*where).values(sums))
    return wrong


def _open(transaction: Transaction, missing: Iterable[Standing]) -> None:
    """Create totals that are needed for the first time."""
    transaction.flush()  # so that the rows of other calls in this transaction are included
    for one in missing:
        transaction.run(ADD, asdict(summed(transaction.connection, one)))


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


def _refusal(tight: Standing, amount: int, account: Account) -> str:
    """What is spent of a budget that others share is not told to an owner who may not see their work."""
    period = named(tight.period, tight.period_start)
    beginning = f"Budget '{tight.scope}' ({period}) is too small for this call"
    if account.owner != LOCAL_OWNER and not tight.scope.startswith(OWN):
        return f"{beginning}, which may cost {dollars(amount)}."
    return (
        f"{beginning}: {dollars(tight.spent_micro)} of {dollars(tight.limit_micro)} are spent, "
        f"{dollars(tight.reserved_micro)} are reserved, and this call may cost {dollars(amount)}."
    )
