"""R4: several studios use the queue at random, in comparison with a small model of a durable queue."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Column, select

from avstudio_core.artifact import Artifact, new_id
from avstudio_core.errors import InvalidTransition
from avstudio_core.storage.folder.store import FolderStore
from avstudio_core.storage.sqlite.database import Transaction
from avstudio_core.storage.sqlite.schema import open_database
from avstudio_core.storage.tables import artifacts, events, jobs, tasks
from avstudio_core.tasks.queue.queue import Queue
from avstudio_core.tasks.queue.queue_types import Claim, Finished, NewTask, Rules, Wanted
from avstudio_core.tasks.queue.runs import Runs
from avstudio_core.tasks.queue.takeover import Takeover
from avstudio_core.tasks.states import ENDED, FOLLOWS, State
from avstudio_core.tasks.task import Problem, TaskOptions

EXAMPLES = int(os.environ.get("AVSTUDIO_MODEL_EXAMPLES", "100"))
STUDIOS = ("studio_a", "studio_b", "studio_c")
LEASE, DELIVERIES, LONGEST_PAUSE = 30.0, 3, 60.0
CONTENT = b"what a run made"


@dataclass
class Ref:
    """A task as the model knows it."""

    id: str
    needs: tuple[str, ...]
    after: tuple[str, ...]
    origin: str
    processor: str
    options: TaskOptions
    state: str = "PENDING"
    reason: str | None = None
    attempts: int = 0
    deliveries: int = 0
    due: float = 0.0
    fence: int = 0
    cancelling: bool = False
    holder: str = ""
    lease: float = 0.0
    published: int = 0
    stored: bool = False
    """Whether its result is stored, so that only a person's review is missing."""
    events: list[str] = field(default_factory=lambda: ["submitted"])

    @property
    def held(self) -> bool:
        return self.state in ("ASSIGNED", "IN_PROGRESS") or (self.state == "AWAITING_REVIEW" and not self.stored)

    def go(self, *path: str, reason: str | None = None, told: tuple[str, ...] = ()) -> None:
        for new in path:
            assert new in FOLLOWS[State(self.state)]
            self.state = new
        self.reason = reason
        self.events += told


class Model:
    """What the queue promises, without a database."""

    def __init__(self) -> None:
        self.tasks: dict[str, Ref] = {}

    def waiting(self, ref: Ref) -> int:
        missing = sum(self.tasks[needed].state != "COMPLETED" for needed in ref.needs)
        return missing + sum(self.tasks[one].state not in ENDED for one in ref.after)

    def claim(self, studio: str, wanted: Wanted, now: float) -> list[str]:
        due = [ref for ref in self.tasks.values() if not now < ref.due <= now + LONGEST_PAUSE]
        ready = [ref for ref in due if ref.state == "PENDING" and not self.waiting(ref)]
        ready = [ref for ref in ready if ref.processor in wanted.only and (ref.origin == studio or not wanted.own)]
        ready.sort(key=lambda ref: (ref.origin != studio, -ref.options.priority, ref.id))
        for ref in ready[: wanted.limit]:
            ref.go("ASSIGNED", reason=ref.reason)
            ref.fence, ref.deliveries, ref.holder, ref.lease = ref.fence + 1, ref.deliveries + 1, studio, now + LEASE
        return [ref.id for ref in ready[: wanted.limit]]

    def begin(self, ref: Ref) -> None:
        """What is over has begun, even if nobody could say so at the time."""
        if ref.state == "ASSIGNED":
            ref.go("IN_PROGRESS", reason=ref.reason, told=("started",))
            ref.attempts += 1

    def finish(self, ref: Ref) -> None:
        ref.published += 1
        if ref.state == "IN_PROGRESS":
            ref.go("AWAITING_REVIEW")
        ref.reason = None
        if ref.options.reviewer == "person":
            ref.stored = True
            ref.events.append("reviewing")
        else:
            ref.go("COMPLETED", told=("completed",))
            ref.origin = ""

    def fail(self, ref: Ref, reason: str, now: float, *, again: bool, pause: float = 0.0) -> None:
        reason = "cancelled" if ref.cancelling else reason
        path = ("FAILED",) if ref.state == "IN_PROGRESS" else ("IN_PROGRESS", "FAILED")
        ref.stored = False
        ref.go(*path, reason=reason, told=("failed",))
        ref.cancelling = False
        if again:
            ref.go("PENDING", reason=reason, told=("retried",))
            ref.due = now + pause
        else:
            self.block_dependents(ref)

    def lose(self, ref: Ref, now: float, reason: str = "lost") -> None:
        if ref.state == "ASSIGNED":
            before = ref.deliveries
            self.hand_back(ref, now)
            ref.deliveries = max(1, before - 1)  # the next to run it may see to it that it counts
        else:
            self.fail(ref, reason, now, again=not ref.cancelling and ref.deliveries < DELIVERIES)

    def hand_back(self, ref: Ref, now: float) -> None:
        if ref.cancelling:
            self.fail(ref, "cancelled", now, again=False)
            return
        told = () if ref.state == "ASSIGNED" else ("retried",)
        if ref.state == "AWAITING_REVIEW":
            ref.go("IN_PROGRESS", reason=ref.reason)
        ref.go("BLOCKED", "PENDING", reason=ref.reason, told=told)
        ref.deliveries -= 1

    def block_dependents(self, ref: Ref) -> None:
        for one in self.tasks.values():
            if ref.id in one.needs and one.state == "PENDING":
                one.go("BLOCKED", reason="dependency", told=("blocked",))
                self.block_dependents(one)

    def free(self, ref: Ref, studio: str) -> list[str]:
        """All that a retry sets free: what failed above, and what that blocked below."""
        if ref.state not in ("FAILED", "BLOCKED"):
            return []
        ref.go("PENDING", told=("retried",))
        ref.origin, ref.attempts, ref.deliveries, ref.due, ref.cancelling = studio, 0, 0, 0.0, False
        above = [self.tasks[needed] for needed in ref.needs]
        below = [one for one in self.tasks.values() if ref.id in one.needs and one.reason == "dependency"]
        return [ref.id, *(freed for one in above + below for freed in self.free(one, studio))]


PROCESSORS = ("a.one", "b.two")
STUDIO = st.sampled_from(STUDIOS)
NEEDS = st.lists(st.sets(st.integers(0, 3)), min_size=1, max_size=4)
OPTIONS = st.builds(
    TaskOptions,
    priority=st.integers(-1, 1),
    retries=st.integers(0, 2),
    reviewer=st.sampled_from(["processor", "processor", "person"]),
)
ALLOWED = {
    "cancel": ("PENDING", "ASSIGNED", "IN_PROGRESS", "AWAITING_REVIEW"),
    "retry": ("FAILED", "BLOCKED"),
    "accept": ("AWAITING_REVIEW",),
    "send_back": ("AWAITING_REVIEW",),
}
DEEDS = (
    "start",
    "progress",
    "finish",
    "finish",
    "fail",
    "try_again",
    "lose",
    "hand_back",
    "review",
    "rerun",
    "pass_on",
    "kill",
)


class QueueMachine(RuleBasedStateMachine):
    """Rules do the same to the queue and to the model; the invariants compare them."""

    template: Path

    @initialize(needs=NEEDS, ends=NEEDS, options=OPTIONS, limit=st.integers(1, 4))
    def open(self, needs: list[set[int]], ends: list[set[int]], options: TaskOptions, limit: int) -> None:
        self.now = 1_000_000.0
        self.home = Path(tempfile.mkdtemp())
        shutil.copytree(self.template, self.home, dirs_exist_ok=True)
        self.database = open_database(self.home)
        self.store = FolderStore(self.home)
        rules = {name: Rules(name, LEASE, DELIVERIES) for name in STUDIOS}
        self.queues = {name: Queue(self.database, self.store, rules[name], lambda: self.now) for name in STUDIOS}
        self.runs = {name: Runs(self.store, rules[name], lambda: self.now) for name in STUDIOS}
        self.takeover = {name: Takeover(rules[name], lambda: self.now) for name in STUDIOS}
        self.model = Model()
        self.claims: list[tuple[str, Claim]] = []
        self.sha256 = hashlib.sha256(CONTENT).hexdigest()
        (self.store.folder("job_x") / self.sha256).write_bytes(CONTENT)
        self.submit(STUDIOS[0], needs, ends, PROCESSORS[0], options)
        self.claim(STUDIOS[0], limit, False, set(PROCESSORS), True)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            shutil.rmtree(self.home)

    @precondition(lambda self: len(self.model.tasks) < 8)
    @rule(studio=STUDIO, needs=NEEDS, ends=NEEDS, processor=st.sampled_from(PROCESSORS), options=OPTIONS)
    def submit(
        self, studio: str, needs: list[set[int]], ends: list[set[int]], processor: str, options: TaskOptions
    ) -> None:
        ids = [f"task_{len(self.model.tasks) + n:04d}" for n in range(len(needs))]
        new = []
        for n, task_id in enumerate(ids):
            needed = tuple(ids[m] for m in sorted(needs[n]) if m < n)
            after = tuple(ids[m] for m in sorted(ends[n % len(ends)]) if m < n and ids[m] not in needed)
            new.append(NewTask(task_id, "step", processor, "{}", None, needs=needed, after=after))
            self.model.tasks[task_id] = Ref(task_id, needed, after, studio, processor, options)
        self.queues[studio].submit(f"plan_{ids[0]}", new, options)

    @rule(
        studio=STUDIO,
        limit=st.integers(1, 4),
        own=st.booleans(),
        only=st.sets(st.sampled_from(PROCESSORS), min_size=1),
        begin=st.booleans(),
    )
    def claim(self, studio: str, limit: int, own: bool, only: set[str], begin: bool) -> None:
        expected = self.model.claim(studio, Wanted(limit, only, own=own), self.now)
        claims = self.queues[studio].claim(Wanted(limit, only, own=own))
        assert [claim.task_id for claim in claims] == expected
        self.claims += [(studio, claim) for claim in claims]
        for claim in claims if begin else ():
            self.do_start(studio, claim, self.good(claim))

    # What a studio does with a claim, be it good or long stale

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), deed=st.sampled_from(DEEDS), times=st.integers(1, 2))
    def act(self, data: st.DataObject, deed: str, times: int) -> None:
        good = [one for one in self.claims if self.good(one[1])]
        studio, claim = data.draw(st.sampled_from(good * 6 + self.claims))
        for _ in range(times):  # the second time is a late or repeated report
            getattr(self, f"do_{deed}")(studio, claim, self.good(claim))

    def good(self, claim: Claim) -> Ref | None:
        """The task, while the claim holds it."""
        ref = self.model.tasks[claim.task_id]
        return ref if ref.fence == claim.fence and ref.held else None

    def do_start(self, studio: str, claim: Claim, ref: Ref | None) -> None:
        ready = ref is not None and ref.state == "ASSIGNED"
        assert self.queues[studio].start(claim).result() == ready
        if ref and ready:
            self.model.begin(ref)

    def do_progress(self, studio: str, claim: Claim, ref: Ref | None) -> None:
        self.queues[studio].progress(claim, 50.0, "half")
        self.database.write(lambda transaction: None)  # progress is not waited for; this comes after it
        if ref and ref.state != "ASSIGNED":
            ref.events.append("progress")

    def do_review(self, studio: str, claim: Claim, ref: Ref | None) -> None:
        self.queues[studio].review(claim)
        self.database.write(lambda transaction: None)  # nobody waits for it; this comes after it
        if ref:
            self.model.begin(ref)
            if ref.state == "IN_PROGRESS":
                ref.go("AWAITING_REVIEW", reason=ref.reason, told=("reviewing",))

    def do_finish(self, studio: str, claim: Claim, ref: Ref | None) -> None:
        made = Artifact(id=new_id("art"), name="x", sha256=self.sha256, size=len(CONTENT), media_type="text/plain")
        done = Finished("{}", [made], self.store.staging / "job_x", cache_key="key")
        good = ref is not None and not ref.cancelling
        assert self.queues[studio].finish(claim, done).result() == good
        if ref and good:
            self.model.begin(ref)
            self.model.finish(ref)

    def do_fail(self, studio: str, claim: Claim, ref: Ref | None, *, retryable: bool = False) -> None:
        failed = self.queues[studio].fail(claim, Problem(code="broke", message="no"), retryable=retryable)
        assert failed.result() == (ref is not None)
        if ref:
            ref.attempts += ref.state == "ASSIGNED"
            again = retryable and not ref.cancelling and ref.attempts <= ref.options.retries
            ref.deliveries -= again
            pause = 0.5 * 2 ** max(0, ref.attempts - 1)
            self.model.fail(ref, "broke", self.now, again=again, pause=pause)

    def do_try_again(self, studio: str, claim: Claim, ref: Ref | None) -> None:
        self.do_fail(studio, claim, ref, retryable=True)

    def do_lose(self, studio: str, claim: Claim, ref: Ref | None) -> None:
        assert self.queues[studio].lose(claim.task_id, claim.fence, Problem(code="lost", message="")).result() == (
            ref is not None
        )
        if ref:
            self.model.lose(ref, self.now)

    def do_kill(self, studio: str, claim: Claim, ref: Ref | None) -> None:
        """Work that kills its worker every time."""
        for _ in range(DELIVERIES):
            self.do_lose(studio, claim, self.good(claim))
            self.claim(studio, 1, False, set(PROCESSORS), True)
            claim = self.claims[-1][1]

    def do_hand_back(self, studio: str, claim: Claim, ref: Ref | None) -> None:
        assert self.queues[studio].hand_back(claim).result() == (ref is not None)
        if ref:
            self.model.hand_back(ref, self.now)

    def do_rerun(self, studio: str, claim: Claim, ref: Ref | None) -> None:
        again = self.queues[studio].rerun(claim, "poor").result()
        assert (again is not None) == (ref is not None and ref.state != "ASSIGNED")
        if again and ref:
            path = ("IN_PROGRESS",) if ref.state == "AWAITING_REVIEW" else ("AWAITING_REVIEW", "IN_PROGRESS")
            ref.go(*path, reason=ref.reason, told=("reviewing",))
            ref.attempts, ref.fence, ref.holder, ref.lease = ref.attempts + 1, ref.fence + 1, studio, self.now + LEASE
            assert again.attempt == ref.attempts
            self.claims.append((studio, again))

    def do_pass_on(self, studio: str, claim: Claim, ref: Ref | None) -> None:
        """Lost by one studio and claimed by another in the same commit."""
        other, wanted = STUDIOS[STUDIOS.index(studio) - 1], Wanted(2, set(PROCESSORS))

        def group(transaction: Transaction) -> list[Claim]:
            problem = Problem(code="lost", message="")
            self.takeover[studio].lose(transaction, claim.task_id, claim.fence, problem)
            return self.runs[other].claim(transaction, wanted)

        if ref:
            self.model.lose(ref, self.now)
        expected = self.model.claim(other, wanted, self.now)
        claims = self.database.write(group)
        assert [one.task_id for one in claims] == expected
        self.claims += [(other, one) for one in claims]

    # Leases, clocks, deaths, and a person's requests

    @rule(
        seconds=st.sampled_from([0.4, 2.0, 31.0, 86_400.0, -86_400.0]),
        beating=st.sets(STUDIO),
        reaper=st.sampled_from((None, *STUDIOS)),
        dead=st.sets(STUDIO, max_size=2),
    )
    def time_passes(self, seconds: float, beating: set[str], reaper: str | None, dead: set[str]) -> None:
        """Or the clock is set; then some studios send their heartbeat, and one looks for the dead."""
        self.now += seconds
        for studio in beating:
            self.queues[studio].renew()
        for ref in self.model.tasks.values():
            if ref.held and ref.holder in beating:
                ref.lease = self.now + LEASE
        if reaper is None:
            return
        held = [ref for ref in self.model.tasks.values() if ref.held]
        lost = [ref for ref in held if ref.holder in dead or (ref.lease < self.now and ref.holder != reaper)]
        assert sorted(self.queues[reaper].reap(dead)) == [ref.id for ref in lost]
        for ref in lost:
            self.model.lose(ref, self.now, reason="worker_lost")

    @rule(data=st.data(), studio=STUDIO)
    def request(self, data: st.DataObject, studio: str) -> None:
        ref = data.draw(st.sampled_from(list(self.model.tasks.values())))
        fitting = [verb for verb, states in ALLOWED.items() if ref.state in states]
        if ref.state == "AWAITING_REVIEW" and ref.held:  # its processor reviews it
            fitting = ["cancel"]
        verb = data.draw(st.sampled_from(fitting * 4 + list(ALLOWED)))
        with nullcontext() if verb in fitting else pytest.raises(InvalidTransition):
            getattr(self, f"do_{verb}")(ref, studio)

    def do_cancel(self, ref: Ref, studio: str) -> None:
        state = self.queues[studio].cancel(ref.id)
        if ref.state == "IN_PROGRESS" or (ref.state == "AWAITING_REVIEW" and ref.held):
            ref.cancelling = True
        elif ref.state == "AWAITING_REVIEW":
            self.model.fail(ref, "cancelled", self.now, again=False)
        else:
            ref.go("BLOCKED", reason="cancelled", told=("blocked",))
            self.model.block_dependents(ref)
        assert state == ref.state

    def do_retry(self, ref: Ref, studio: str) -> None:
        freed = self.queues[studio].retry(ref.id)
        assert sorted(freed) == sorted(self.model.free(ref, studio))

    def do_accept(self, ref: Ref, studio: str) -> None:
        self.queues[studio].accept(ref.id)
        ref.go("COMPLETED", told=("completed",))
        ref.origin = ""

    def do_send_back(self, ref: Ref, studio: str) -> None:
        self.queues[studio].send_back(ref.id, "again, please")
        ref.stored = False
        ref.go("IN_PROGRESS", "BLOCKED", "PENDING", told=("retried",))

    # What must hold after every step

    def rows(self, *columns: Column[Any]) -> list[tuple[Any, ...]]:
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]

    @invariant()
    def the_same_tasks(self) -> None:
        names = ("id", "state", "reason", "attempts", "deliveries", "fence", "origin", "cancelling")
        found = self.rows(*(tasks.c[name] for name in names), tasks.c.waiting)
        for row, ref in zip(found, self.model.tasks.values(), strict=True):
            assert row == (*(getattr(ref, name) for name in names), self.model.waiting(ref))

    @invariant()
    def one_open_job_for_each_task_that_is_held(self) -> None:
        found = self.rows(jobs.c.task_id, jobs.c.fence, jobs.c.studio, jobs.c.lease_until, jobs.c.ended_at)
        still_open = [row[:-1] for row in found if row[-1] is None]
        held = [ref for ref in self.model.tasks.values() if ref.held]
        assert still_open == [(ref.id, ref.fence, ref.holder, ref.lease) for ref in held]

    @invariant()
    def the_same_events(self) -> None:
        told: dict[str, list[str]] = {}
        found = self.rows(events.c.seq, events.c.subject, events.c.type)
        for _, task_id, kind in found:
            told.setdefault(task_id, []).append(kind.removeprefix("task."))
        assert [seq for seq, _, _ in found] == list(range(1, len(found) + 1))
        made = self.rows(artifacts.c.task_id)
        for ref in self.model.tasks.values():
            assert told[ref.id] == ref.events
            assert ref.events.count("completed") == (ref.state == "COMPLETED")
            assert made.count((ref.id,)) == ref.published


def test_the_queue_keeps_its_promises(tmp_path: Path) -> None:
    QueueMachine.template = tmp_path
    open_database(tmp_path).close()  # copied for each example: making the schema takes longer than an example
    every = list(HealthCheck)
    chosen = settings(max_examples=EXAMPLES, stateful_step_count=30, suppress_health_check=every)
    run_state_machine_as_test(QueueMachine, settings=chosen)
