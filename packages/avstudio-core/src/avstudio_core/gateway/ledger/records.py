"""The rows of calls: a reservation while a call runs, and then rows that never change."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select

from avstudio_core.chat import Account
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.expressions import listed
from avstudio_core.storage.queries import rows
from avstudio_core.storage.tables import api_calls, cost_records, reservations, studios, token_usage

HOLD = insert(reservations)
RELEASE = delete(reservations).where(reservations.c.id == bindparam("b_id"))
ADD_CALL, ADD_USAGE, ADD_COST = insert(api_calls), insert(token_usage), insert(cost_records)
LOST = (
    select(func.count(), func.sum(cost_records.c.cost_micro))
    .join(api_calls)
    .where(cost_records.c.call_id == bindparam("b_id"), api_calls.c.outcome == "lost")
)
_COLUMNS = tuple(column.name for column in reservations.columns)
LEAKED = select(reservations).where(
    or_(
        reservations.c.studio.in_(listed("b_dead")),
        reservations.c.studio.not_in(select(studios.c.id)),
        reservations.c.at + reservations.c.seconds < bindparam("b_late"),
    )
)


@dataclass(frozen=True, slots=True)
class Reservation:
    """The reserved amount of one call of a studio, until the call is settled."""

    id: str
    call: NewCall
    studio: str
    at: float

    @property
    def request_id(self) -> str:
        return self.call.request_id

    @property
    def amount_micro(self) -> int:
        return self.call.most_micro


def hold(transaction: Transaction, reservation: Reservation) -> None:
    row = _row(reservation) | {"amount_micro": reservation.amount_micro, "seconds": reservation.call.seconds}
    transaction.later(HOLD, row)


def release(transaction: Transaction, reservation: Reservation) -> bool:
    """Remove a reservation; return false if it was already settled."""
    return transaction.run(RELEASE, {"b_id": reservation.id}).rowcount == 1


def add(transaction: Transaction, reservation: Reservation, settled: Settled, now: float) -> None:
    """Record a call with its usage and cost."""
    ended = {name: getattr(settled, name) for name in ("outcome", "error", "seconds", "first_token_seconds")}
    transaction.later(ADD_CALL, _row(reservation) | ended)
    _add_sums(transaction, reservation, settled, settled.cost_micro, now)


def correct(transaction: Transaction, reservation: Reservation, settled: Settled, now: float) -> int | None:
    """Correct a call that was settled as lost; return the difference in cost, or `None` for any other call."""
    transaction.flush()  # so that rows of this transaction are found
    records, counted = transaction.run(LOST, {"b_id": reservation.id}).fetchone()
    if records != 1:  # a call that was not lost has none, and a corrected one has two
        return None
    difference: int = settled.cost_micro - counted
    _add_sums(transaction, reservation, settled, difference, now)
    transaction.flush()  # so that these rows precede those of other calls
    return difference


def leaked(connection: Connection, dead: Collection[str], late: float) -> list[Reservation]:
    """Reservations of studios that have died or ended, and those whose call should have ended before `late`."""
    found = rows(connection, LEAKED, {"b_dead": json.dumps([*dead]), "b_late": late})
    return [_reservation(dict(zip(_COLUMNS, row, strict=True))) for row in found]


def _add_sums(transaction: Transaction, reservation: Reservation, settled: Settled, cost: int, now: float) -> None:
    transaction.later(ADD_USAGE, {"call_id": reservation.id, **dict(settled.usage)})
    transaction.later(ADD_COST, {"call_id": reservation.id, "cost_micro": cost, "recorded_at": now})


def _row(reservation: Reservation) -> dict[str, Any]:
    """The columns that reservations and calls share."""
    call, account = reservation.call, reservation.call.account
    return {
        "id": reservation.id,
        "request_id": call.request_id,
        "studio": reservation.studio,
        "verb": call.verb,
        "backend": call.backend,
        "model": call.model,
        "rule": call.rule,
        "project": account.project,
        "owner": account.owner,
        "key": account.key,
        "task": account.task,
        "agent": account.agent,
        "run": account.run,
        "at": reservation.at,
    }


def _reservation(row: Mapping[str, Any]) -> Reservation:
    named = {name: row[name] for name in ("request_id", "verb", "backend", "model", "rule", "seconds")}
    account = Account(**{name: row[name] for name in Account.model_fields if name in row})
    call = NewCall(**named, account=account, most_micro=row["amount_micro"])
    return Reservation(row["id"], call, row["studio"], row["at"])
