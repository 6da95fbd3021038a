"""Owners take turns: the many tasks of one do not hold up those of another."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from avstudio_core import Plan, Principal, State, Step, Studio
from avstudio_core.artifact import new_id
from avstudio_core.gateway.ledger.call_facts import Payer
from avstudio_core.storage.folder.store import FolderStore
from avstudio_core.storage.sqlite.database import Database
from avstudio_core.storage.sqlite.schema import open_database
from avstudio_core.tasks.queue.queue import Queue
from avstudio_core.tasks.queue.queue_types import Claim, NewTask, Rules, Wanted
from avstudio_core.tasks.queue.turns import Turns
from avstudio_core.tasks.task import Problem, TaskOptions
from avstudio_core.testing import until

OpenStudio = Callable[..., Studio]
OWNERS = st.sampled_from(["anna", "ben", "local"])
STUDIOS = ("studio_a", "studio_b")
SUBMITTED = st.tuples(st.just("submit"), OWNERS, st.integers(1, 9), st.integers(-1, 1), st.sampled_from(STUDIOS))
CLAIMED = st.tuples(st.just("claim"), st.integers(1, 6), st.booleans())
LOST = st.tuples(st.just("lose"), st.integers(0, 5))


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    home = Path(mkdtemp())
    opened = open_database(home)
    yield opened
    opened.close()
    shutil.rmtree(home)


class Reference:
    """The order of one studio, one task at a time, in plain lists."""

    def __init__(self) -> None:
        self.ready: dict[str, tuple[str, bool, int]] = {}
        self.running: dict[str, str] = {}
        self.turns: list[str] = []
        """The owners with tasks, in the order of their last turns."""

    def claim(self, limit: int, own: bool) -> list[str]:
        oldest = {owner: self._next(owner) for owner, _, _ in self.ready.values()}
        if len(oldest) > 1:
            self.turns = [one for one in self.turns if one in oldest or one in self.running.values()]
        turns = [*self.turns]  # those before this claim
        taken: list[str] = []
        while len(taken) < limit:
            fitting = {task: facts for task, facts in self.ready.items() if facts[1] or not own}
            if not fitting:
                break
            owner = min((facts[0] for facts in fitting.values()), key=lambda one: self._place(one, turns, oldest[one]))
            its = [task for task in fitting if fitting[task][0] == owner]
            task = min(its, key=lambda one: (not fitting[one][1], -fitting[one][2], one))
            del self.ready[task]
            self.running[task] = owner
            taken.append(task)
            if len(oldest) > 1:
                self.turns = [*(one for one in self.turns if one != owner), owner]
        return taken

    def _place(self, owner: str, turns: list[str], oldest: str) -> tuple[int, int, str]:
        running = [*self.running.values()].count(owner)
        return running, turns.index(owner) if owner in turns else -1, oldest

    def _next(self, owner: str) -> str:
        return min((-priority, task) for task, (whose, _, priority) in self.ready.items() if whose == owner)[1]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(SUBMITTED | CLAIMED | LOST, max_size=12))
def test_the_next_task_is_that_of_the_owner_with_the_fewest_running(database: Database, acts: list[tuple]) -> None:  # type: ignore[type-arg]
    lane, reference, claims = new_id("lane"), Reference(), dict[str, Claim]()
    queues = {name: Queue(database, FolderStore(database.path.parent), Rules(name)) for name in STUDIOS}
    for act, *how in acts:
        if act == "submit":
            owner, number, priority, studio = how
            new = [NewTask(new_id("task"), "step", "a.one", "{}", None, lane=lane) for _ in range(number)]
            queues[studio].submit(new_id("plan"), new, TaskOptions(priority=priority), Payer(owner))
            reference.ready |= {task.id: (owner, studio == STUDIOS[0], priority) for task in new}
        elif act == "claim":
            limit, own = how
            found = queues[STUDIOS[0]].claim(Wanted(limit, {"a.one"}, lane, own=own))
            assert [claim.task_id for claim in found] == reference.claim(limit, own)
            claims |= {claim.task_id: claim for claim in found}
        elif claims:
            task_id = [*claims][how[0] % len(claims)]
            assert queues[STUDIOS[0]].fail(claims.pop(task_id), Problem(code="broke", message="no")).result()
            del reference.running[task_id]


def test_owners_without_tasks_are_forgotten() -> None:
    turns = Turns()
    for number in range(100):
        turns.places("general", {f"owner{number}": "task_1", "local": "task_2"}, {"anna": 1})
        turns.took("general", [f"owner{number}", "local"])
    last = {
        place.owner: place.last for place in turns.places("general", {"owner98": "", "owner99": "", "local": ""}, {})
    }
    assert last == {"owner98": -1, "owner99": 198, "local": 199}


def test_a_task_does_not_wait_for_the_thousand_that_another_owner_submitted_first(open_studio: OpenStudio) -> None:
    studio = open_studio(workers=1)
    anna, ben = (studio.session(Principal(owner)) for owner in ("anna", "ben"))
    step = Step(id="s", processor="exercise.wait", params={"seconds": 0.001})
    many = anna.submit_plan(Plan(steps=[step.model_copy(update={"id": f"s{n}"}) for n in range(1000)]))
    until(lambda: anna.tasks.counted().get(State.COMPLETED))
    ben.run("exercise.wait", seconds=0.002)
    assert anna.tasks.counted()[State.PENDING] > 500
    many.cancel()
