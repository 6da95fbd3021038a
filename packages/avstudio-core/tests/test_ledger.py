from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from avstudio_core.alerts import Alert
from avstudio_core.chat import Account, Usage
from avstudio_core.errors import InvalidInput, NotFound, OverBudget, StorageError
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_core.gateway.ledger.ledger import Ledger
from avstudio_core.storage.sqlite.schema import open_database
from avstudio_core.storage.tables import (
    alerts,
    api_calls,
    cost_records,
    counters,
    events,
    reservations,
    token_usage,
)
from avstudio_core.tasks.engine.live_studios import Presence

NOON = 1_763_812_800.0
"""2025-11-22, 12:00 UTC."""
DAY = 86_400.0


class Books:
    """A ledger on a data folder of its own, with a clock that tests set."""

    def __init__(self, home: Path) -> None:
        self.database = open_database(home)
        self.presence = Presence(self.database, home)
        self.now = NOON
        self.alerts: list[Alert] = []
        self.ledger = self.another(self.presence.id)

    def another(self, studio: str) -> Ledger:
        return Ledger(self.database, studio, lambda: self.now, self.alerts.append)

    def spend(self, cost: int, *, most: int | None = None, **account: Any) -> None:
        most = cost if most is None else most
        reservation = self.ledger.reserve(a_call(most, **account)).result()
        self.ledger.settle(reservation, Settled("ok", Usage(input=5, output=3), cost)).result()

    def rows(self, table: Table) -> list[dict[str, object]]:
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def close(self) -> None:
        self.presence.leave()
        self.database.close()


def a_call(most: int = 100, **account: str) -> NewCall:
    return NewCall("req_1", "chat", "openai", "gpt", Account(**account), most, rule="cheapest", seconds=30.0)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(tmp_path)
    yield made
    made.close()


# Calls


def test_a_call_leaves_one_row_of_each_kind(books: Books) -> None:
    reservation = books.ledger.reserve(a_call(100, project="film", key="key_1", agent="cutter")).result()
    usage = Usage(input=7, output=5, cached=2, reasoning=1)
    books.ledger.settle(reservation, Settled("ok", usage, 60, None, 1.5, 0.25)).result()
    [call] = books.rows(api_calls)
    assert [call[name] for name in ("request_id", "backend", "model", "project", "key", "task", "agent", "rule")] == [
        *("req_1", "openai", "gpt", "film", "key_1", None, "cutter", "cheapest")
    ]
    assert (call["outcome"], call["seconds"], call["first_token_seconds"], call["at"]) == ("ok", 1.5, 0.25, NOON)
    [took], [cost] = books.rows(token_usage), books.rows(cost_records)
    assert [took[name] for name in ("call_id", "input", "output", "cached", "reasoning")] == [call["id"], 7, 5, 2, 1]
    assert (cost["call_id"], cost["cost_micro"]) == (call["id"], 60)
    assert books.rows(reservations) == []


def test_a_free_call_is_on_record_too(books: Books) -> None:
    books.ledger.set_budget("global", "day", 0)
    books.spend(0)
    assert [row["cost_micro"] for row in books.rows(cost_records)] == [0]


def test_what_is_not_spent_can_be_spent_again(books: Books) -> None:
    books.ledger.set_budget("global", "day", 100)
    books.spend(10, most=100)
    assert books.ledger.room(Account()) == 90


def test_a_call_that_failed_costs_nothing(books: Books) -> None:
    books.ledger.set_budget("global", "day", 100)
    reservation = books.ledger.reserve(a_call()).result()
    books.ledger.settle(reservation, Settled("failed", error="backend_down")).result()
    assert books.ledger.room(Account()) == 100
    assert [(row["outcome"], row["error"]) for row in books.rows(api_calls)] == [("failed", "backend_down")]


def test_a_cost_above_what_was_reserved_is_recorded_in_full(books: Books) -> None:
    books.ledger.set_budget("global", "day", 100)
    books.spend(130, most=100)
    assert books.ledger.room(Account()) == -30


def test_a_call_that_is_settled_twice_counts_once(books: Books) -> None:
    books.ledger.set_budget("global", "day", 1000)
    reservation = books.ledger.reserve(a_call()).result()
    for future in [books.ledger.settle(reservation, Settled("ok", cost_micro=40)) for _ in range(3)]:
        future.result()
    assert books.ledger.room(Account()) == 960
    assert len(books.rows(api_calls)) == len(books.rows(cost_records)) == 1


def test_a_call_cannot_have_a_negative_price(books: Books) -> None:
    with pytest.raises(ValueError, match="cannot cost -1"):
        books.ledger.reserve(a_call(-1))


@pytest.mark.parametrize("granted", [False, True], ids=["before it is granted", "before it is heard of"])
def test_who_gives_up_waiting_for_a_reservation_holds_none(books: Books, granted: bool) -> None:
    books.ledger.set_budget("global", "day", 100)

    async def impatient() -> None:
        go = threading.Event()
        books.database.write_soon(lambda transaction: go.wait(10))
        waiting = asyncio.ensure_future(books.ledger.reserved(a_call()))
        await asyncio.sleep(0)
        if granted:
            go.set()
            books.database.write(lambda transaction: None)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go.set()

    asyncio.run(impatient())
    books.database.write(lambda transaction: None)  # comes after the reservation …
    books.database.write(lambda transaction: None)  # … and after its return
    assert books.rows(reservations) == []
    assert books.ledger.room(Account()) == 100
    assert [row["outcome"] for row in books.rows(api_calls)] == ["cancelled"]


def test_an_event_loop_may_reserve(books: Books) -> None:
    books.ledger.set_budget("global", "day", 100)
    assert asyncio.run(books.ledger.reserved(a_call(100))).amount_micro == 100
    with pytest.raises(OverBudget):
        asyncio.run(books.ledger.reserved(a_call(1)))


def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.close()
    with pytest.raises(StorageError, match="closed"):
        books.ledger.reserve(a_call())


# Limits


def test_a_call_that_does_not_fit_is_refused_with_the_sums(books: Books) -> None:
    books.ledger.set_budget("project:film", "month", 150)
    books.spend(100, project="film")
    with pytest.raises(
        OverBudget,
        match=r"'project:film' \(month 2025-11\) is too small for this call: \$0.0001 of \$0.00015 are spent",
    ) as refused:
        books.ledger.reserve(a_call(51, project="film")).result()
    assert refused.value.scope == "project:film"
    assert books.rows(reservations) == []
    books.spend(50, project="film")


@pytest.mark.parametrize(("scope", "told"), [("global", False), ("project:film", False), ("key:mine", True)])
def test_an_owner_is_not_told_what_others_spent(books: Books, scope: str, told: bool) -> None:
    books.ledger.set_budget(scope, "month", 150)
    books.spend(100, project="film", key="mine")
    with pytest.raises(OverBudget, match=r"which may cost|are spent") as refused:
        books.ledger.reserve(a_call(51, project="film", key="mine", owner="ann")).result()
    assert ("$0.0001" in refused.value.message) == told


@pytest.mark.parametrize(
    ("scope", "account"),
    [
        ("global", {}),
        ("project:film", {"project": "film"}),
        ("key:key_1", {"key": "key_1"}),
        ("task:task_1", {"task": "task_1"}),
        ("task:*", {"task": "task_1"}),
        ("agent:cutter", {"agent": "cutter"}),
        ("agent:*", {"agent": "cutter"}),
    ],
)
@pytest.mark.parametrize("period", ["day", "month", "total"])
def test_every_scope_and_period_limits(books: Books, scope: str, account: dict[str, Any], period: str) -> None:
    books.ledger.set_budget(scope, period, 100)
    books.spend(60, **account)
    with pytest.raises(OverBudget) as refused:
        books.ledger.reserve(a_call(60, **account)).result()
    assert refused.value.scope == scope.replace("*", next(iter(account.values()), ""))


def test_a_budget_limits_only_its_own_scope(books: Books) -> None:
    for scope in ("project:film", "key:key_1", "task:task_1", "agent:*"):
        books.ledger.set_budget(scope, "day", 0)
    books.spend(60, project="song", key="key_2", task="task_2")
    assert books.ledger.room(Account(project="song")) is None


def test_a_refusal_in_one_scope_reserves_in_none(books: Books) -> None:
    books.ledger.set_budget("global", "day", 1000)
    books.ledger.set_budget("agent:cutter", "total", 50)
    with pytest.raises(OverBudget, match="agent:cutter"):
        books.ledger.reserve(a_call(60, agent="cutter")).result()
    assert books.ledger.room(Account()) == 1000


def test_each_task_has_the_default_unless_it_has_its_own(books: Books) -> None:
    books.ledger.set_budget("task:*", "total", 100)
    books.ledger.set_budget("task:rich", "total", 500)
    rooms = [books.ledger.room(Account(task=task)) for task in ("one", "two", "rich", None)]
    assert rooms == [100, 100, 500, None]
    books.spend(80, task="one")
    assert [books.ledger.room(Account(task=task)) for task in ("one", "two")] == [20, 100]


def test_a_budget_counts_what_was_spent_and_reserved_before_it_was_set(books: Books) -> None:
    books.now -= DAY
    books.spend(1)
    books.now += DAY
    books.spend(20)
    reservation = books.ledger.reserve(a_call(30)).result()
    books.ledger.set_budget("global", "day", 100)
    books.ledger.set_budget("global", "month", 100)
    with pytest.raises(OverBudget):
        books.ledger.reserve(a_call(51)).result()
    books.ledger.settle(reservation, Settled("ok", cost_micro=30)).result()
    sums = {one.period: (one.spent_micro, one.reserved_micro) for one in books.ledger.budgets()}
    assert sums == {"day": (50, 0), "month": (51, 0)}


def test_a_call_counts_that_ends_in_the_very_commit_in_which_a_sum_is_first_made(books: Books) -> None:
    reservation = books.ledger.reserve(a_call(30)).result()
    books.ledger.set_budget("global", "day", 100)
    go = threading.Event()
    books.database.write_soon(lambda transaction: go.wait(10))
    books.ledger.settle(reservation, Settled("ok", cost_micro=30))
    late = books.ledger.reserve(a_call(71))
    go.set()
    assert isinstance(late.exception(10), OverBudget)


def test_what_is_known_of_the_room_is_a_second_old_at_most_and_never_more_than_there_is(books: Books) -> None:
    ledger, account = books.ledger, Account()
    ledger.set_budget("global", "day", 100)
    assert (ledger.known_room(account), ledger.room(account), ledger.known_room(account)) == (0, 100, 100)
    reservation = ledger.reserve(a_call(30)).result()
    assert ledger.known_room(account) == 70
    ledger.settle(reservation, Settled("ok", cost_micro=10)).result()
    assert (ledger.known_room(account), ledger.room(account), ledger.known_room(account)) == (70, 90, 90)
    books.now += 1
    assert ledger.known_room(account) == 0
    ledger.room(account)
    ledger.set_budget("global", "day", 50)
    assert ledger.known_room(account) == 0


def test_a_changed_limit_keeps_what_is_spent(books: Books) -> None:
    books.ledger.set_budget("project:*", "day", 100)
    books.spend(90, project="film")
    books.ledger.set_budget("project:*", "day", 200)
    books.ledger.set_budget("project:song", "day", 10)
    assert books.ledger.room(Account(project="film")) == 110
    books.ledger.remove_budget("project:*", "day")
    assert books.ledger.room(Account(project="film")) is None
    assert books.ledger.room(Account(project="song")) == 10


def test_a_budget_is_removed_once(books: Books) -> None:
    books.ledger.set_budget("global", "day", 0)
    books.ledger.remove_budget("global", "day")
    with pytest.raises(NotFound, match=r"No budget is set for 'global' per day\. See the list of budgets"):
        books.ledger.remove_budget("global", "day")
    books.spend(60)


@pytest.mark.parametrize(
    ("scope", "period", "limit", "said"),
    [
        ("globe", "day", 1, "'globe' is not a valid scope"),
        ("x" * 1000, "day", 1, "x…' is not a valid scope"),
        (None, "day", 1, "'None' is not a valid scope"),
        (b"global", "day", 1, "is not a valid scope"),
        ("global", None, 1, "'None' is not a valid period"),
        ("global", "day", "1", "'1' is not a valid budget"),
        ("global", "day", float("nan"), "'nan' is not a valid budget"),
        ("global", "day", 1.5, "'1.5' is not a valid budget"),
        ("project:", "day", 1, "'project:' is not a valid scope"),
        ("project:\udcff", "day", 1, r"'project:\\udcff' is not a valid scope"),
        ("project:a\nb", "day", 1, r"'project:a\\nb' is not a valid scope"),
        ("global", "week", 1, "'week' is not a valid period. Give one of: day, month, total"),
        ("global", "day", -1, r"-\$0.000001 is not a valid budget"),
        ("global", "day", 10**20, r"from \$0 to \$1000000000.00"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(books: Books, scope: str, period: str, limit: int, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        books.ledger.set_budget(scope, period, limit)
    assert books.ledger.budgets() == []


# Periods and clocks


def test_a_new_day_has_new_room_without_anybody_doing_anything(books: Books) -> None:
    books.ledger.set_budget("global", "day", 100)
    books.ledger.set_budget("global", "month", 150)
    books.spend(100)
    books.now += DAY
    assert books.ledger.room(Account()) == 50
    books.spend(50)
    books.now += 9 * DAY  # December
    assert books.ledger.room(Account()) == 100


def test_a_call_across_midnight_is_paid_by_the_day_it_began(books: Books) -> None:
    books.ledger.set_budget("global", "day", 100)
    reservation = books.ledger.reserve(a_call(100)).result()
    books.now += DAY / 2 + 10
    books.ledger.settle(reservation, Settled("ok", cost_micro=70)).result()
    assert books.ledger.room(Account()) == 100
    assert [line.name for line in books.ledger.spending("day")] == ["2025-11-22"]
    books.now -= DAY / 2 + 10
    assert books.ledger.room(Account()) == 30


def test_a_clock_that_goes_back_finds_the_day_as_it_was_spent(books: Books) -> None:
    books.spend(70)
    books.now += DAY
    books.ledger.set_budget("global", "day", 100)
    reservation = books.ledger.reserve(a_call(100)).result()
    books.now -= DAY
    with pytest.raises(OverBudget):
        books.ledger.reserve(a_call(31)).result()
    books.spend(30)
    books.ledger.settle(reservation, Settled("ok", cost_micro=90)).result()
    assert books.ledger.room(Account()) == 0
    books.now += DAY
    assert books.ledger.room(Account()) == 10
    assert books.ledger.rebuild() == []


# Leaks


def test_what_a_dead_studio_had_reserved_counts_as_spent(books: Books) -> None:
    books.ledger.set_budget("global", "day", 100)
    books.ledger.reserve(a_call(40)).result()
    assert books.ledger.reap([books.presence.id]) == 1
    assert books.ledger.room(Account()) == 60
    assert [row["outcome"] for row in books.rows(api_calls)] == ["lost"]
    assert [line.lost for line in books.ledger.spending("day")] == [1]


def test_a_reservation_of_an_unknown_studio_is_lost(books: Books) -> None:
    books.another("studio_gone").reserve(a_call(0)).result()
    books.ledger.reserve(a_call(40)).result()
    assert books.ledger.reap() == 1
    assert [(row["studio"], row["outcome"]) for row in books.rows(api_calls)] == [("studio_gone", "lost")]


def test_a_reservation_that_no_one_settles_leaks_in_the_end(books: Books) -> None:
    books.ledger.reserve(a_call(40)).result()
    books.now += 30 + 59
    assert books.ledger.reap() == 0
    books.now += 2
    assert books.ledger.reap() == 1
    assert books.ledger.reap() == 0


def test_a_lost_call_that_ends_later_costs_its_real_price(books: Books) -> None:
    books.ledger.set_budget("global", "day", 100)
    reservation = books.ledger.reserve(a_call(80)).result()
    books.now += 3600
    books.ledger.reap()
    for _ in range(2):
        books.ledger.settle(reservation, Settled("ok", Usage(input=9), 30)).result()
    assert books.ledger.room(Account()) == 70
    assert [row["cost_micro"] for row in books.rows(cost_records)] == [80, -50]
    [line] = books.ledger.spending("day")
    assert (line.calls, line.input, line.cost_micro) == (1, 9, 30)
    assert books.ledger.rebuild() == []


def test_the_figures_of_models_count_new_calls_and_corrections_once(books: Books) -> None:
    reservation = books.ledger.reserve(a_call(80)).result()
    books.now += 3600
    books.ledger.reap()
    assert [one.calls for one in books.ledger.figures().values()] == [{"lost": 1}]
    books.ledger.settle(reservation, Settled("ok", Usage(input=9), 30)).result()
    books.spend(5)
    [(name, found)] = books.ledger.figures().items()
    assert (name, found.calls, found.tokens["input"], found.cost_micro) == ("openai/gpt", {"lost": 1, "ok": 1}, 14, 35)
    found.calls.clear()
    assert books.ledger.figures() == books.another("studio_other").figures()


# Alerts


def test_alerts_come_once_a_period_at_60_80_and_100_percent(books: Books) -> None:
    books.ledger.set_budget("global", "day", 100)
    heard = []
    for cost in (59, 1, 19, 1, 19, 1):
        books.spend(cost)
        heard.append([alert.percent for alert in books.alerts])
    assert heard == [[], [60], [60], [60, 80], [60, 80], [60, 80, 100]]
    books.now += DAY
    books.spend(100)
    assert [alert.percent for alert in books.alerts[3:]] == [60, 80, 100]


def test_an_alert_is_an_event_and_a_line_of_the_log(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    books.ledger.set_budget("project:film", "month", 1_000_000)
    books.spend(650_000, project="film")
    [event] = books.rows(events)
    assert (event["type"], event["time"]) == ("budget.alert", NOON)
    assert Alert.model_validate_json(str(event["data"])) == books.alerts[0]
    assert "Budget 'project:film' (month 2025-11) is spent to 60 %: $0.65 of $1.00." in caplog.text


def test_ledgers_do_not_repeat_each_others_alerts(books: Books) -> None:
    books.ledger.set_budget("global", "total", 100)
    books.spend(60)
    other = books.another(books.presence.id)
    other.settle(other.reserve(a_call(1)).result(), Settled("ok", cost_micro=1)).result()
    assert [alert.percent for alert in books.alerts] == [60]
    assert len(books.rows(alerts)) == 1


def test_a_new_limit_is_warned_of_anew(books: Books) -> None:
    books.ledger.set_budget("task:*", "total", 100)
    books.spend(60, task="task_1")
    books.ledger.set_budget("task:*", "total", 120)
    books.spend(12, task="task_1")
    assert [(alert.percent, alert.limit_micro) for alert in books.alerts] == [(60, 100), (60, 120)]


def test_a_new_default_leaves_those_alone_that_have_their_own(books: Books) -> None:
    books.ledger.set_budget("project:film", "total", 100)
    books.spend(60, project="film")
    books.ledger.set_budget("project:*", "total", 10)
    books.spend(1, project="film")
    assert [alert.percent for alert in books.alerts] == [60]


def test_a_listener_that_fails_harms_nothing(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    def fail(alert: Alert) -> None:
        raise RuntimeError("no network")

    ledger = Ledger(books.database, books.presence.id, alert=fail)
    ledger.set_budget("global", "total", 100)
    ledger.settle(ledger.reserve(a_call(90)).result(), Settled("ok", cost_micro=90)).result()
    assert ledger.room(Account()) == 10
    assert "no network" in caplog.text


# Books


@pytest.mark.parametrize(
    ("by", "names"),
    [("day", ["2025-11-22", "2025-11-23"]), ("model", ["openai/gpt"]), ("project", ["song", "film"])],
)
def test_spending_is_summed_by(books: Books, by: str, names: list[str]) -> None:
    books.spend(10, project="film")
    books.now += DAY
    books.spend(20, project="song")
    lines = books.ledger.spending(by)  # type: ignore[arg-type]
    assert [line.name for line in lines] == names
    assert (sum(line.cost_micro for line in lines), sum(line.input for line in lines)) == (30, 10)
    assert [line.cost_micro for line in books.ledger.spending("project", since=NOON + 1)] == [20]


def test_sums_that_are_wrong_are_made_right_from_the_rows(books: Books) -> None:
    books.ledger.set_budget("global", "day", 100)
    books.spend(10)
    books.ledger.reserve(a_call(5)).result()
    books.database.write(lambda transaction: transaction.execute(counters.update().values(spent_micro=99)))
    [(was, now)] = books.ledger.rebuild()
    assert (was.spent_micro, now.spent_micro, now.reserved_micro) == (99, 10, 5)
    assert books.ledger.rebuild() == []
    assert books.ledger.room(Account()) == 85
