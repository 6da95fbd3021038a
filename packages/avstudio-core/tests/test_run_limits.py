"""Runs: one for each key, with common limits, cancelled as a whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import func, select

from avstudio_core import Plan, Principal, RunHandle, RunLimits, State, Step, Studio, TaskOptions
from avstudio_core.chat import Account
from avstudio_core.errors import (
    InvalidInput,
    InvalidParams,
    InvalidTransition,
    NotFound,
    OverBudget,
    RunLimitReached,
    StorageError,
)
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_core.storage.tables import counters, runs
from avstudio_core.tasks.queue import run_rows
from avstudio_core.testing import scripted

OpenStudio = Callable[..., Studio]
PATIENCE = 30.0
PLANNER = """
import time

class PlannedParams(Params):
    left: int = Field(0, description="How often a further plan follows.")
    seconds: float = Field(0.0, description="How long it takes.", json_schema_extra={"unit": "s"})

class Planned(Result):
    continuation: Plan | None = Field(None, description="What comes next.")

class Planner(Processor[PlannedParams, Planned]):
    "Return a plan."
    name = "plan.make"
    cacheable = False
    def run(self, source, params, context):
        end = time.monotonic() + params.seconds
        while time.monotonic() < end:
            context.check()
            time.sleep(0.01)
        if not params.left:
            return Planned()
        return Planned(continuation=Plan.parse(f"plan.make left={params.left - 1}"))

@hookimpl
def register_processors():
    return [Planner]
"""


@pytest.fixture
def plugin(write_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return write_plugin(PLANNER)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all")
    return path


@pytest.fixture
def studio(open_studio: OpenStudio, plugin: ModuleType) -> Studio:
    return open_studio(plugin)


def waits(run: RunHandle, number: int, state: State) -> None:
    deadline = time.monotonic() + PATIENCE
    while run.status().states.get(state) != number:
        assert time.monotonic() < deadline, run.status()
        time.sleep(0.01)


def test_a_run_has_the_tasks_of_its_plan_and_of_the_plans_in_results(studio: Studio) -> None:
    run = studio.start_run("plan.make left=2")
    status = run.wait(PATIENCE)
    assert (status.states, status.used_steps) == ({State.COMPLETED: 3}, 3)
    assert [task.step for task in run.tasks()] == ["make", "make/make", "make/make/make"]


def test_a_key_begins_one_run(studio: Studio) -> None:
    first = studio.start_run("plan.make", key="mine")
    assert studio.start_run("plan.make left=5", key="mine").run_id == first.run_id
    assert studio.start_run("plan.make", key="other").run_id != first.run_id
    assert len(first.tasks()) == 1


def test_a_key_begins_one_run_also_for_two_studios_at_once(open_studio: OpenStudio, plugin: ModuleType) -> None:
    studios = [open_studio(plugin), open_studio(plugin)]
    barrier, found = threading.Barrier(8), set()

    def start(studio: Studio) -> None:
        barrier.wait()
        found.add(studio.start_run("plan.make", key="mine").run_id)

    threads = [threading.Thread(target=start, args=(studios[n % 2],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    with studios[0]._database.read() as connection:
        assert connection.execute(select(func.count()).select_from(runs)).scalar() == 1
    assert len(studios[0].tasks.find()) == 1


def test_steps_are_reserved_when_tasks_are_stored(studio: Studio) -> None:
    two = Plan(steps=(Step(id="a", processor="plan.make"), Step(id="b", processor="plan.make")))
    with pytest.raises(RunLimitReached, match="may have 1 step: it has 0, and 2 would follow"):
        studio.start_run(two, limits=RunLimits(steps=1), key="mine")
    assert studio.tasks.find() == []
    run = studio.start_run("plan.make left=9", limits=RunLimits(steps=3), key="mine")
    status = run.wait(PATIENCE)
    assert (status.states, status.used_steps) == ({State.COMPLETED: 2, State.FAILED: 1}, 3)
    problem = run.tasks()[-1].error
    assert problem is not None
    assert problem.code == "run_limit"


def test_a_plan_that_is_accepted_counts_too(studio: Studio) -> None:
    limits, options = RunLimits(steps=1), TaskOptions(reviewer="person")
    run = studio.start_run("plan.make left=1", limits=limits, options=options)
    waits(run, 1, State.AWAITING_REVIEW)
    while not run.tasks()[0].waits_for_person:
        time.sleep(0.01)
    with pytest.raises(RunLimitReached):
        studio.tasks.accept(run.tasks()[0].id)
    assert len(run.tasks()) == 1


def test_nothing_starts_after_the_time_of_a_run(studio: Studio) -> None:
    long = Step(id="long", processor="plan.make", params={"seconds": 60.0})
    run = studio.start_run(Plan(steps=(long,)), limits=RunLimits(seconds=0.5))
    assert run.wait(PATIENCE).states == {State.FAILED: 1}
    with pytest.raises(InvalidTransition, match="cannot be retried: The time limit of the run"):
        studio.retry(run.tasks()[0].id)


@pytest.mark.parametrize(("last", "seconds", "state"), [(60.0, 0.2, State.COMPLETED), (1.0, 60.0, State.FAILED)])
def test_a_last_step_gets_some_time_after_that_of_its_run(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, last: float, seconds: float, state: State
) -> None:
    monkeypatch.setattr(run_rows, "LAST_SECONDS", last)
    steps = (
        Step(id="long", processor="plan.make", params={"seconds": 60.0}),
        Step(id="answer", processor="plan.make", params={"seconds": seconds}, after=("long",)),
    )
    run = studio.start_run(Plan(steps=steps), limits=RunLimits(seconds=0.5))
    run.wait(PATIENCE)
    assert {task.step: task.state for task in run.tasks()} == {"long": State.FAILED, "answer": state}


def test_a_run_keeps_tokens_and_money_for_its_last_step(studio: Studio) -> None:
    steps = (
        Step(id="work", processor="plan.make", params={"seconds": 60.0}),
        Step(id="answer", processor="plan.make", after=("work",)),
    )
    run = studio.start_run(Plan(steps=steps), limits=RunLimits(tokens=1000, money=1.0))
    work, answer = (Account(run=run.run_id, task=task.id) for task in run.tasks())

    def reserve(account: Account, tokens: int, micro: int) -> None:
        call = NewCall("r", "chat", "any", "model", account, most_tokens=tokens, most_micro=micro)
        studio.ledger.reserve(call).result()

    for tokens, micro in ((901, 0), (0, 900_001)):
        with pytest.raises(OverBudget, match="A tenth is kept for its last steps"):
            reserve(work, tokens, micro)
    reserve(work, 900, 900_000)
    reserve(answer, 100, 100_000)
    run.cancel()


def test_a_run_is_cancelled_as_a_whole(studio: Studio) -> None:
    plan = Plan(
        steps=(
            Step(id="long", processor="plan.make", params={"seconds": 60.0, "left": 1}),
            Step(id="next", processor="plan.make", after=("long",)),
        )
    )
    run = studio.start_run(plan)
    waits(run, 1, State.IN_PROGRESS)
    run.cancel()
    assert run.status().cancelling
    assert run.tasks()[1].state is State.BLOCKED
    assert run.wait(PATIENCE).states == {State.FAILED: 1, State.BLOCKED: 1}
    assert [task.reason for task in run.tasks()] == ["cancelled", "cancelled"]
    with pytest.raises(InvalidTransition, match="was cancelled"):
        studio.retry(run.tasks()[0].id)


def test_a_run_without_money_makes_no_call_that_costs(studio: Studio) -> None:
    run = studio.start_run("plan.make", limits=RunLimits(money=0.00005, tokens=100))
    account = Account(run=run.run_id)
    dear = NewCall("req", "chat", "openai", "gpt", account, 60)
    with pytest.raises(OverBudget, match=f"Budget 'run:{run.run_id}'"):
        studio.ledger.reserve(dear).result()
    many = NewCall("req", "chat", "openai", "gpt", account, 10, most_tokens=101)
    with pytest.raises(OverBudget, match="may use 100 tokens: 0 are used, and this call may use 101"):
        studio.ledger.reserve(many).result()
    assert studio.ledger.room(account) == 50
    fits = studio.ledger.reserve(NewCall("req", "chat", "openai", "gpt", account, 50, most_tokens=100)).result()
    assert run.status().used_tokens == 100
    studio.ledger.settle(fits, Settled("ok", cost_micro=50)).result()
    assert (run.status().spent, run.status().used_tokens) == (0.00005, 0)


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_calls_of_its_tasks_count(open_studio: OpenStudio, executor: str) -> None:
    studio = open_studio(scripted, executor=executor)
    run = studio.start_run("exercise.ask")
    assert run.wait(PATIENCE).states == {State.COMPLETED: 1}
    assert run.status().used_tokens > 0
    run = studio.start_run("exercise.ask", limits=RunLimits(tokens=1))
    run.wait(PATIENCE)
    problem = run.tasks()[0].error
    assert problem is not None
    assert problem.code == "budget_exceeded"


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_the_requests_of_a_private_run_are_private(open_studio: OpenStudio, executor: str) -> None:
    studio = open_studio(scripted, executor=executor)
    backend: Any = studio.llm._gateway.backends.find("scripted").backend
    for private in (False, True):
        studio.start_run("exercise.ask", limits=RunLimits(private=private)).wait(PATIENCE)
        assert backend.heard[-1].wishes.private == private


def test_an_unknown_run_is_not_found(studio: Studio) -> None:
    with pytest.raises(NotFound):
        RunHandle(studio.tasks, "run_none").status()


def test_a_run_is_forgotten_with_the_last_of_its_tasks(studio: Studio) -> None:
    studio.ledger.set_budget("task:*", "total", 1_000_000)
    run = studio.start_run("plan.make left=1", key="mine", limits=RunLimits(money=1.0))
    run.wait(PATIENCE)
    first, last = (task.id for task in run.tasks())
    studio.ledger.reserve(NewCall("r", "chat", "any", "m", Account(run=run.run_id, task=last), 5)).result()
    studio.tasks.delete(last)
    assert run.status().states == {State.COMPLETED: 1}
    studio.tasks.delete(first)
    with pytest.raises(NotFound):
        run.status()
    assert [one.scope for one in studio.ledger.budgets()] == ["task:*"]
    with studio._database.read() as connection:
        assert connection.execute(select(func.count()).select_from(counters)).scalar() == 0
    assert studio.start_run("plan.make", key="mine").run_id != run.run_id


@pytest.mark.parametrize(
    "limits",
    [
        *({"steps": 0}, {"money": float("nan")}, {"seconds": "soon"}, {"colour": 1}, 5),
        *({name: True} for name in ("money", "steps", "tokens", "seconds")),
    ],
)
def test_limits_that_are_not_valid_are_refused_in_plain_words(studio: Studio, limits: Any) -> None:
    with pytest.raises(InvalidParams, match="The limits of the run are not valid"):
        studio.start_run("plan.make", limits=limits)
    assert not studio.tasks.find()


def test_a_timeout_tells_what_has_not_ended_and_must_be_a_number(studio: Studio) -> None:
    run = studio.start_run("plan.make seconds=600")
    with pytest.raises(TimeoutError, match=f"1 tasks of the run '{run.run_id}' have not ended after 0 s"):
        run.wait(0)
    with pytest.raises(InvalidInput, match="'soon' is not a valid timeout"):
        run.wait("soon")  # type: ignore[arg-type]
    run.cancel()


def test_a_run_is_waited_for_by_its_tasks_that_have_not_ended(studio: Studio) -> None:
    steps = [Step(id=f"step{number}", processor="plan.make", params={"seconds": 600.0 * number}) for number in (0, 1)]
    run = studio.start_run(Plan(steps=tuple(steps)))
    waits(run, 1, State.COMPLETED)
    waits(run, 1, State.IN_PROGRESS)
    assert studio.tasks.unended(run.run_id) == [run.tasks()[1].id]
    assert studio.session(Principal("bob")).tasks.unended(run.run_id) == []
    run.cancel()
    assert run.wait(PATIENCE).states == {State.COMPLETED: 1, State.FAILED: 1}
    assert studio.tasks.unended(run.run_id) == []


def test_who_waits_for_a_run_is_told_that_the_studio_closes(studio: Studio) -> None:
    run = studio.start_run("plan.make seconds=600")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run.wait)
        waits(run, 1, State.IN_PROGRESS)
        studio.close()
        with pytest.raises(StorageError, match="The studio was closed before the task ended"):
            waiting.result(PATIENCE)


def test_more_money_than_a_budget_may_have_is_refused_in_one_line() -> None:
    with pytest.raises(InvalidParams, match="'money' is '1e\\+300': should be at most 1000000000"):
        RunLimits(money=1e300)


def test_a_key_that_is_used_several_times_at_once_takes_its_file_in_once(studio: Studio, letter: Path) -> None:
    together = threading.Barrier(4)

    def start(_: int) -> str:
        together.wait(PATIENCE)
        return studio.start_run("exercise.copy", letter, key="once").run_id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(start, range(4)))) == 1
    assert len(studio.media.page().items) == 1


def test_what_is_refused_leaves_no_copy_of_its_file(studio: Studio, letter: Path) -> None:
    with pytest.raises(RunLimitReached):
        studio.start_run("exercise.copy | exercise.copy", letter, limits=RunLimits(steps=1))
    assert studio.media.page().items == []


def test_runs_are_listed_page_by_page(studio: Studio) -> None:
    made = [studio.start_run("plan.make").run_id for _ in range(3)]
    first = studio.tasks.runs(2)
    assert [run.id for run in (*first.items, *studio.tasks.runs(2, before=first.next).items)] == made[::-1]
    assert studio.session(Principal("anna")).tasks.runs().items == []
