"""The ledger: what calls may cost, what they cost, and who pays."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from avstudio_core.alerts import Alert
from avstudio_core.artifact import new_id
from avstudio_core.chat import Account
from avstudio_core.errors import OverBudget, StorageError
from avstudio_core.gateway.ledger import budgets, costs, counters, last_steps, records, run_tokens
from avstudio_core.gateway.ledger.budgets import Standing
from avstudio_core.gateway.ledger.call_facts import NewCall, Payer, Settled
from avstudio_core.gateway.ledger.costs import Spending
from avstudio_core.gateway.ledger.counters import Booking, Openings
from avstudio_core.gateway.ledger.model_figures import ModelFigures, ModelTotals
from avstudio_core.gateway.ledger.records import Reservation
from avstudio_core.money import LARGEST_MICRO
from avstudio_core.page import moment
from avstudio_core.storage.database import Database, Transaction

__all__ = ["LEAK_SECONDS", "Ledger", "Reservation"]

LOG = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")

ROOM_SECONDS = 1.0
"""How long the amount that an account has left is remembered, in seconds."""
MOST_ROOMS = 1000
"""For how many accounts that is remembered."""
LEAK_SECONDS = 60.0
"""How long after the time limit of its call a reservation counts as leaked, in seconds."""


class Ledger:
    """Enforces budgets, and records calls and their cost.

    Each change is one transaction of the database's writer, so no limit can be exceeded, even if many threads and
    processes call at once or die. Rows of calls are only added; all totals can be computed from them again.

    `alert` is called when 60, 80 and 100 % of a budget are spent, once in a period, on the database's thread: it must
    be fast, and must not wait for a write.
    """

    def __init__(
        self,
        database: Database,
        studio: str,
        clock: Callable[[], float] = time.time,
        alert: Callable[[Alert], object] = lambda alert: None,
    ) -> None:
        self._database = database
        self._studio = studio
        self._clock = clock
        self._alert = alert
        self._openings = Openings()
        self._rooms: dict[Account, _Room] = {}
        self._models = ModelTotals(database)
        self._reserved = 0
        """The sum of all reservations of this object."""

    # Calls

    def reserve(self, call: NewCall) -> Future[Reservation]:
        """Reserve the highest possible cost of a call in every budget that pays for it. The future raises `OverBudget`.

        If the caller cancels the future, nothing is reserved.
        """
        if call.most_micro < 0:
            raise ValueError(f"A call cannot cost {call.most_micro} millionths of a dollar.")
        reservation = Reservation(new_id("call"), call, self._studio, self._clock())
        self._reserved += call.most_micro

        def operation(transaction: Transaction) -> OverBudget | None:
            booking, keep = _booking(reservation), last_steps.kept(transaction, call.account)
            ruled = call.most_micro and self._openings.rule(transaction, booking)
            refused = counters.reserve(transaction, booking, call.most_micro, keep=keep) if ruled else None
            if refused is None:
                refused = run_tokens.reserve(transaction, call.account.run, call.most_tokens, keep=keep)
                if refused is not None and ruled:
                    counters.settle(transaction, booking, call.most_micro, 0, self._clock())
            if refused is None:
                records.hold(transaction, reservation)
            return refused

        def granted(refused: OverBudget | None) -> Reservation:
            if refused is not None:
                raise refused
            return reservation

        def given_up(refused: OverBudget | None) -> None:
            if refused is None:
                self._unused(reservation)

        # Synced to the disk late, like settlements: a loss of power may lose the row of a call, but also ends the call.
        return _then(self._database.write_soon(operation, synced=False), granted, given_up)

    async def reserved(self, call: NewCall) -> Reservation:
        """`reserve` on the caller's event loop. If it is cancelled, nothing is reserved."""
        future = self.reserve(call)
        if future.done():
            return future.result()
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.add_done_callback(self._give_back)  # it may already be granted
            raise

    def settle(self, reservation: Reservation, settled: Settled) -> Future[None]:
        """Record the usage and cost of a call, and release its reservation. Settling again changes nothing.

        If a call that counts as lost is settled later, its cost and usage are corrected.
        """

        def operation(transaction: Transaction) -> list[Alert]:
            if records.release(transaction, reservation):
                used, call = settled.usage.input + settled.usage.output, reservation.call
                run_tokens.settle(transaction, call.account.run, call.most_tokens, used)
                return self._record(transaction, reservation, settled)
            difference = records.correct(transaction, reservation, settled, self._clock())
            return self._count(transaction, reservation, 0, difference) if difference else []

        return _then(self._database.write_soon(operation, synced=False), self._announce, self._announce)

    def reap(self, dead: Collection[str] = ()) -> int:
        """Settle the reservations of dead studios, and overdue ones, as lost; return their number.

        The whole amount counts as spent, since the provider may charge it.
        """
        late = self._clock() - LEAK_SECONDS
        with self._database.read() as connection:  # usually there are none, and reading needs no sync
            if not records.leaked(connection, dead, late):
                return 0

        def operation(transaction: Transaction) -> tuple[int, list[Alert]]:
            found = records.leaked(transaction.connection, dead, late)
            alerts: list[Alert] = []
            for one in found:
                records.release(transaction, one)
                alerts += self._record(transaction, one, Settled("lost", cost_micro=one.amount_micro))
            return len(found), alerts

        reaped, alerts = self._database.write(operation)
        self._announce(alerts)
        return reaped

    # Budgets

    def room(self, account: Account) -> int | None:
        """What the smallest budget of an account has left, in millionths of a dollar; `None` without a budget."""
        now, reserved = self._clock(), self._reserved
        with self._database.read() as connection:
            found = counters.standings(connection, Booking(account, now))
        left = min((one.room_micro for one in found), default=None)
        if len(self._rooms) >= MOST_ROOMS:
            self._rooms.clear()
        self._rooms[account] = _Room(LARGEST_MICRO if left is None else left, now, reserved)
        return left

    def known_room(self, account: Account) -> int:
        """What an account had left up to a second ago, minus later reservations; 0 if that is unknown.

        This is enough for planning, because the reservation checks the database in any case.
        """
        seen = self._rooms.get(account)
        if seen is None or not 0 <= self._clock() - seen.at < ROOM_SECONDS:
            return 0
        return max(0, seen.micro - (self._reserved - seen.reserved))

    def set_budget(self, scope: str, period: str, limit_micro: int) -> None:
        """Limit what a scope may spend in a period; what it has already spent in the current one counts.

        Scopes are `global`, `project:NAME`, `key:ID`, `task:ID`, `agent:NAME`, `run:ID`, and with `*` as the name each
        one without its own budget; periods are `day`, `month` (in UTC) and `total`. Raises `InvalidInput`.
        """
        budget = budgets.checked(scope, period, limit_micro)
        self._database.write(lambda transaction: budgets.store(transaction, budget, self._clock()))
        self._rooms.clear()

    def remove_budget(self, scope: str, period: str) -> None:
        """Remove a limit. Raises `NotFound`."""
        budget = budgets.checked(scope, period)
        self._database.write(lambda transaction: budgets.drop(transaction, budget))
        self._rooms.clear()

    def budgets(self) -> list[Standing]:
        """Every budget, with its totals in the current period."""
        now = self._clock()
        with self._database.read() as connection:
            return [counters.standing_of(connection, budget, now) for budget in budgets.every(connection)]

    # Records

    def spending(
        self, by: costs.By, since: float | None = None, payer: Payer | None = None, project: str | None = None
    ) -> list[Spending]:
        """Calls and cost by `day`, `model` or `project`, of all or of one payer, in all projects or in one."""
        with self._database.read() as connection:
            return costs.spending(connection, by, moment(since), payer, project)

    def figures(self) -> dict[str, ModelFigures]:
        """All calls that are stored, by model, the most expensive first."""
        return self._models.read()

    def rebuild(self) -> list[tuple[Standing, Standing]]:
        """Compute all totals again from the rows of calls; return the wrong ones, before and after."""
        return self._database.write(counters.rebuild)

    def _give_back(self, future: Future[Reservation]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._unused(future.result())

    def _unused(self, reservation: Reservation) -> None:
        with suppress(StorageError):  # closing: the next studio finds the reservation, and settles it as lost
            self.settle(reservation, Settled("cancelled"))

    def _record(self, transaction: Transaction, reservation: Reservation, settled: Settled) -> list[Alert]:
        records.add(transaction, reservation, settled, self._clock())
        return self._count(transaction, reservation, reservation.amount_micro, settled.cost_micro)

    def _count(self, transaction: Transaction, reservation: Reservation, amount: int, cost: int) -> list[Alert]:
        if not amount and not cost:
            return []
        return counters.settle(transaction, _booking(reservation), amount, cost, self._clock())

    def _announce(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            LOG.warning("%s", alert)
            try:
                self._alert(alert)
            except Exception:  # foreign code; the call is already recorded
                LOG.exception("A listener for budget alerts failed: %s", alert)


@dataclass(frozen=True, slots=True)
class _Room:
    """What an account had left at a time, and the sum of all reservations until then."""

    micro: int
    at: float
    reserved: int


def _booking(reservation: Reservation) -> Booking:
    return Booking(reservation.call.account, reservation.at)


def _then(written: Future[T], change: Callable[[T], R], given_up: Callable[[T], object]) -> Future[R]:
    """A future that may be cancelled, unlike those of the database; a cancellation does not undo the write."""
    made: Future[R] = Future()

    def pass_on(done: Future[T]) -> None:
        wanted = made.set_running_or_notify_cancel()
        try:
            result = change(done.result()) if wanted else given_up(done.result())
        except BaseException as error:
            if wanted:
                made.set_exception(error)
            return
        if wanted:
            made.set_result(result)  # type: ignore[arg-type]

    written.add_done_callback(pass_on)
    return made
