"""In any sequence of events, the ledger agrees with a simple model, and no limit is exceeded."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import insert, select

from avstudio_core.alerts import Alert
from avstudio_core.chat import Account, Usage
from avstudio_core.errors import OverBudget
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_core.gateway.ledger.ledger import LEAK_SECONDS, Ledger, Reservation
from avstudio_core.storage.sqlite.schema import open_database
from avstudio_core.storage.tables import alerts, api_calls, cost_records, reservations, studios, token_usage

EXAMPLES = 30
SECONDS = 30.0
STUDIOS = ("studio_a", "studio_b")
SCOPES = ("global", "project:film", "project:*", "key:k", "task:*", "task:t1", "agent:cutter")
PERIODS = ("day", "month", "total")
ACCOUNT = st.builds(
    Account,
    project=st.sampled_from(["film", "song"]),
    key=st.sampled_from([None, "k"]),
    task=st.sampled_from([None, "t1", "t2"]),
    agent=st.sampled_from([None, "cutter"]),
)
AMOUNT = st.one_of(st.just(0), st.integers(1, 60))
STUDIO = st.sampled_from(STUDIOS)


@dataclass
class Ref:
    """A call as the model knows it."""

    account: Account
    amount: int
    at: float
    studio: str
    reservation: Reservation
    held: bool = True
    lost: bool = False
    costs: list[int] = field(default_factory=list)

    def pays(self, scope: str, period: str, start: str) -> bool:
        kind, _, name = scope.partition(":")
        return (not name or getattr(self.account, kind) == name) and start_of(period, self.at) == start

    @property
    def weight(self) -> int:
        return self.amount if self.held else sum(self.costs)


def start_of(period: str, at: float) -> str:
    form = {"day": "%Y-%m-%d", "month": "%Y-%m", "total": "total"}[period]
    return datetime.fromtimestamp(at, UTC).strftime(form)


class LedgerMachine(RuleBasedStateMachine):
    """Rules do the same to two studios' ledgers and to the model."""

    template: Path

    @initialize(limits=st.dictionaries(st.sampled_from(SCOPES), st.integers(0, 150), max_size=3))
    def open(self, limits: dict[str, int]) -> None:
        self.now = 1_764_500_000.0  # the last of November
        self.home = Path(tempfile.mkdtemp())
        shutil.copytree(self.template, self.home, dirs_exist_ok=True)
        self.database = open_database(self.home)
        self.told: list[Alert] = []
        self.ledgers = {name: Ledger(self.database, name, lambda: self.now, self.told.append) for name in STUDIOS}
        self.limits: dict[tuple[str, str], int] = {}
        self.calls: list[Ref] = []
        for scope, limit in limits.items():
            self.set_budget(scope, "day", limit)

    def teardown(self) -> None:
        """However it went, nothing stays reserved once the studios are gone."""
        if hasattr(self, "database"):
            self.reap(0.0, STUDIOS[0], set(STUDIOS))
            assert not any(ref.held for ref in self.calls)
            self.the_books_are_those_of_the_model()
            assert [
                (one.scope, one.reserved_micro) for one in self.ledgers["studio_a"].budgets() if one.reserved_micro
            ] == []
            self.database.close()
            shutil.rmtree(self.home)

    # The model

    def ruling(self, account: Account) -> Iterator[tuple[str, str, int]]:
        for kind in ("global", "project", "key", "task", "agent"):
            name = "" if kind == "global" else getattr(account, kind)
            for period in PERIODS if name is not None else ():
                scope = f"{kind}:{name}" if name else kind
                limit = self.limits.get((scope, period), self.limits.get((f"{kind}:*", period)))
                if limit is not None:
                    yield scope, period, limit

    def used(self, scope: str, period: str, start: str) -> int:
        return sum(ref.weight for ref in self.calls if ref.pays(scope, period, start))

    def room(self, account: Account) -> int | None:
        left = [
            limit - self.used(scope, period, start_of(period, self.now))
            for scope, period, limit in self.ruling(account)
        ]
        return min(left, default=None)

    # What happens

    @rule(scope=st.sampled_from(SCOPES), period=st.sampled_from(PERIODS), limit=st.integers(0, 150))
    def set_budget(self, scope: str, period: str, limit: int) -> None:
        self.ledgers["studio_a"].set_budget(scope, period, limit)
        self.limits[scope, period] = limit

    @precondition(lambda self: self.limits)
    @rule(data=st.data())
    def remove_budget(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(sorted(self.limits)))
        self.ledgers["studio_b"].remove_budget(*chosen)
        del self.limits[chosen]

    @rule(asked=st.lists(st.tuples(STUDIO, ACCOUNT, AMOUNT), min_size=1, max_size=6), ending=st.integers(0, 2))
    def reserve(self, asked: list[tuple[str, Account, int]], ending: int) -> None:
        """Several at once, which share a commit with the end of others, are as several after one another."""
        go = threading.Event()
        self.database.write_soon(lambda transaction: go.wait(10))
        for ref in [ref for ref in self.calls if ref.held][:ending]:
            self.ledgers[ref.studio].settle(ref.reservation, Settled("ok", Usage(input=1), ref.amount))
            ref.held, ref.costs = False, [ref.amount]
        futures: list[Future[Reservation]] = []
        for studio, account, amount in asked:
            call = NewCall("req", "chat", "openai", "gpt", account, amount, seconds=SECONDS)
            futures.append(self.ledgers[studio].reserve(call))
        go.set()
        for (studio, account, amount), future in zip(asked, futures, strict=True):
            room = self.room(account)
            fits = room is None or amount == 0 or amount <= room
            error = future.exception(10)
            assert error is None if fits else isinstance(error, OverBudget)
            if fits:
                self.calls.append(Ref(account, amount, self.now, studio, future.result()))

    @precondition(lambda self: self.calls)
    @rule(
        data=st.data(), outcome=st.sampled_from(["ok", "partial", "failed"]), share=st.sampled_from([0, 0.5, 1, 1, 1.5])
    )
    def settle(self, data: st.DataObject, outcome: str, share: float) -> None:
        """Of calls that run, that are settled already, that were taken for lost."""
        held = [ref for ref in self.calls if ref.held]
        for ref in data.draw(st.lists(st.sampled_from(held * 3 + self.calls), min_size=1, max_size=4)):
            cost = int(ref.amount * share)
            settled = Settled(outcome, Usage(input=1), cost)  # type: ignore[arg-type]
            self.ledgers[ref.studio].settle(ref.reservation, settled).result(10)
            if ref.held:
                ref.held, ref.costs = False, [cost]
            elif ref.lost and len(ref.costs) == 1:
                ref.costs.append(cost - ref.costs[0])

    @rule(
        seconds=st.sampled_from([0.0, 1.0, SECONDS + LEAK_SECONDS + 1.0, 86_400.0, -86_400.0]),
        reaper=STUDIO,
        dead=st.sets(STUDIO, max_size=1),
    )
    def reap(self, seconds: float, reaper: str, dead: set[str]) -> None:
        """Time passes, or the clock is set; then studios that died, and calls that nobody settled, are found."""
        self.now += seconds
        lost = [
            ref for ref in self.calls if ref.held and (ref.studio in dead or ref.at + SECONDS < self.now - LEAK_SECONDS)
        ]
        assert self.ledgers[reaper].reap(dead) == len(lost)
        for ref in lost:
            ref.held, ref.lost, ref.costs = False, True, [ref.amount]

    # What must hold after every step

    @invariant()
    def the_sums_are_those_of_the_model(self) -> None:
        for account in (
            Account(project="film", key="k", task="t1", agent="cutter"),
            Account(project="song", task="t2"),
        ):
            assert self.ledgers["studio_a"].room(account) == self.room(account)
        assert self.ledgers["studio_b"].rebuild() == []

    @invariant()
    def the_books_are_those_of_the_model(self) -> None:
        with self.database.read() as connection:
            held = set(connection.execute(select(reservations.c.id)).scalars())
            made = {row.id: row.outcome for row in connection.execute(select(api_calls.c.id, api_calls.c.outcome))}
            costs: dict[str, list[int]] = {}
            for call, cost in connection.execute(select(cost_records.c.call_id, cost_records.c.cost_micro)):
                costs.setdefault(call, []).append(cost)
            usages = list(connection.execute(select(token_usage.c.call_id)).scalars())
        assert held == {ref.reservation.id for ref in self.calls if ref.held}
        ended = {ref.reservation.id: ref for ref in self.calls if not ref.held}
        assert {call: outcome == "lost" for call, outcome in made.items()} == {
            call: ref.lost for call, ref in ended.items()
        }
        assert costs == {call: ref.costs for call, ref in ended.items()}
        assert sorted(usages) == sorted(call for call, ref in ended.items() for _ in ref.costs)

    @invariant()
    def every_alert_was_told(self) -> None:
        with self.database.read() as connection:
            noted = {
                tuple(row)
                for row in connection.execute(select(alerts.c.scope, alerts.c.period_start, alerts.c.percent))
            }
        assert noted <= {(one.scope, one.period_start, one.percent) for one in self.told}


def test_the_ledger_keeps_its_promises(tmp_path: Path) -> None:
    LedgerMachine.template = tmp_path
    database = open_database(tmp_path)
    rows = [{"id": name, "pid": 1, "host": "here", "started_at": 0.0} for name in STUDIOS]
    database.write(lambda transaction: [transaction.execute(insert(studios), row) for row in rows])
    database.close()
    every = list(HealthCheck)
    chosen = settings(max_examples=EXAMPLES, stateful_step_count=30, suppress_health_check=every)
    run_state_machine_as_test(LedgerMachine, settings=chosen)
