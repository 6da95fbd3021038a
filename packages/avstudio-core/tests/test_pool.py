"""The pool through its public methods, with a budget of 1,000 MB unless a test sets another."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest

from avstudio_core import Needs, Studio
from avstudio_core.errors import DiskFull, NotEnoughMemory, TaskCancelled, TaskFailed
from avstudio_core.models.memory import AppleMemory, CpuMemory
from avstudio_core.models.pool import Pool
from avstudio_core.settings import Setting
from avstudio_core.settings_sources import load
from avstudio_core.storage.sqlite.database import Database
from avstudio_core.storage.sqlite.schema import open_database
from avstudio_core.testing import until

OpenStudio = Callable[..., Studio]


class Gpu(CpuMemory):
    """A device with memory of its own."""

    device = "gpu"
    unified = False

    def total_mb(self) -> int:
        return 200


class User:
    """One who has models loaded: busy or idle."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.busy: set[str] = set()
        self.evicted: list[str] = []
        self.given_up = False

    def load(self, lane: str, memory_mb: int, *, busy: bool = False, family: str = "any", device: str = "cpu") -> None:
        needs = Needs(family=family, model=lane, memory_mb=memory_mb, device=device)
        self.pool.admit(lane, needs, lambda: self._evict(lane), lambda: self.given_up)
        if busy:
            self.busy.add(lane)

    def asked_to_evict(self) -> bool:
        """What a studio does from time to time: give up what another one asked for."""
        self.pool.obey()
        return bool(self.evicted)

    def _evict(self, lane: str) -> bool:
        if lane in self.busy:
            return False
        self.evicted.append(lane)
        self.pool.release(lane)
        return True


OPENED: list[Pool] = []


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Database]:
    made = open_database(tmp_path)
    yield made
    while OPENED:
        OPENED.pop().close()
    made.close()


def a_pool(base: Database, studio: str = "studio_1", dead: Callable[[], list[str]] = list, **settings: int) -> Pool:
    given = {"home": base.path.parent, "memory_mb": 1000, **settings}
    family = Setting("memory_whisper_mb", int, 4000, "The budget of a plugin's models.")
    OPENED.append(
        Pool(base, studio, load(given, {}).with_declared([family]), [CpuMemory(), AppleMemory(), Gpu()], dead)
    )
    return OPENED[-1]


@pytest.fixture
def user(base: Database) -> User:
    return User(a_pool(base))


def taken(pool: Pool) -> int:
    return sum(model.memory_mb for model in pool.loaded())


def stand_in_line(pool: Pool, number: int) -> bool:
    return pool.waiting() == number


def _raise(error: Exception) -> NoReturn:
    raise error


def waiting(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_what_fits_side_by_side_is_loaded_side_by_side(user: User) -> None:
    for lane, memory_mb in (("a", 400), ("b", 400), ("c", 200)):
        user.load(lane, memory_mb)
    assert {model.lane for model in user.pool.loaded()} == {"a", "b", "c"}
    assert user.evicted == []


def test_the_least_recently_used_idle_model_makes_room(user: User) -> None:
    user.load("a", 400)
    user.load("b", 400)
    user.pool.touch("a")
    user.load("c", 400)
    assert user.evicted == ["b"]
    assert not user.pool.holds("b")
    assert taken(user.pool) == 800


def test_as_many_are_evicted_as_needed(user: User) -> None:
    for lane in "abcde":
        user.load(lane, 200)
    user.load("big", 900)
    assert user.evicted == list("abcde")


def test_a_busy_model_is_never_evicted(user: User) -> None:
    user.load("busy", 600, busy=True)
    user.load("idle", 400)
    thread = waiting(lambda: user.load("new", 400))
    thread.join(10)
    assert user.evicted == ["idle"]
    assert {model.lane for model in user.pool.loaded()} == {"busy", "new"}


def test_one_that_does_not_fit_waits_until_a_busy_one_is_done(user: User) -> None:
    user.load("busy", 600, busy=True)
    thread = waiting(lambda: user.load("new", 600))
    thread.join(0.2)
    assert thread.is_alive()
    assert taken(user.pool) == 600
    user.busy.clear()
    thread.join(10)
    assert [model.lane for model in user.pool.loaded()] == ["new"]


def test_those_that_wait_are_served_in_their_order(user: User) -> None:
    user.load("busy", 1000, busy=True)
    admitted: list[str] = []

    def load(lane: str, memory_mb: int) -> None:
        user.load(lane, memory_mb, busy=True)
        admitted.append(lane)

    threads = []
    for number, (lane, memory_mb) in enumerate([("big", 900), ("small1", 50), ("small2", 50), ("huge", 1000)], 1):
        threads.append(waiting(partial(load, lane, memory_mb)))
        until(partial(stand_in_line, user.pool, number))
    user.busy.clear()
    until(lambda: len(admitted) == 3)
    assert admitted[0] == "big"
    assert set(admitted[1:]) == {"small1", "small2"}
    user.busy.clear()
    for thread in threads:
        thread.join(10)
    assert admitted[3] == "huge"


def test_a_wait_for_memory_can_be_cancelled_anywhere_in_the_line(base: Database) -> None:
    pool = a_pool(base)
    holder, first, second = User(pool), User(pool), User(pool)
    holder.load("busy", 1000, busy=True)
    ended: list[str] = []

    def load(one: User, lane: str) -> None:
        with pytest.raises(TaskCancelled, match="The wait for 500 MB was cancelled"):
            one.load(lane, 500)
        ended.append(lane)

    threads = [waiting(lambda: load(first, "a"))]
    until(partial(stand_in_line, pool, 1))
    threads.append(waiting(lambda: load(second, "b")))
    until(partial(stand_in_line, pool, 2))
    second.given_up = True
    until(lambda: ended == ["b"])
    first.given_up = True
    for thread in threads:
        thread.join(10)
    assert ended == ["b", "a"]
    assert {model.lane for model in pool.loaded()} == {"busy"}


@pytest.mark.parametrize(
    ("family", "memory_mb", "device", "said"),
    [
        ("any", 1001, "cpu", "needs 1001 MB, but all models on 'cpu' may take 1000 MB. Raise the setting 'memory_mb'"),
        ("whisper", 600, "cpu", "its family may take 500 MB. Raise the setting 'memory_whisper_mb'"),
        ("any", 181, "gpu", "all models on 'gpu' may take 180 MB"),
    ],
)
def test_what_can_never_fit_is_refused(base: Database, family: str, memory_mb: int, device: str, said: str) -> None:
    user = User(a_pool(base, memory_whisper_mb=500))
    with pytest.raises(NotEnoughMemory, match="or choose a smaller model") as refused:
        user.load("big", memory_mb, family=family, device=device)
    assert said in str(refused.value)
    assert user.pool.loaded() == []


def test_a_family_has_a_budget_of_its_own(base: Database) -> None:
    user = User(a_pool(base, memory_whisper_mb=500))
    user.load("other", 300)
    user.load("one", 300, family="whisper")
    user.load("two", 300, family="whisper")
    assert user.evicted == ["one"]
    assert {model.lane for model in user.pool.loaded()} == {"other", "two"}


def test_a_device_with_its_own_memory_has_its_own_budget(user: User) -> None:
    user.load("here", 1000, busy=True)
    user.load("there", 150, device="gpu")
    assert taken(user.pool) == 1150
    assert user.evicted == []


def test_a_device_with_its_own_memory_has_its_own_line(user: User) -> None:
    user.load("here", 1000, busy=True)
    thread = waiting(lambda: user.load("next", 1000))
    until(partial(stand_in_line, user.pool, 1))
    user.load("there", 150, device="gpu")
    assert {model.lane for model in user.pool.loaded()} == {"here", "there"}
    user.busy.clear()
    thread.join(10)


def test_unified_memory_is_one_budget(user: User) -> None:
    user.load("a", 700)
    user.load("b", 700, device="mps")
    assert user.evicted == ["a"]


def test_what_was_measured_counts_when_it_is_more(base: Database) -> None:
    user = User(a_pool(base))
    user.load("a", 100)
    for memory_mb in (50, 600, 300):
        user.pool.measured("a", memory_mb)
    base.write(lambda transaction: None)
    assert taken(user.pool) == 600
    user.load("b", 600)
    assert user.evicted == ["a"]


def test_what_was_measured_refuses_no_later_input(base: Database) -> None:
    user = User(a_pool(base, memory_whisper_mb=500))
    user.load("a", 100, family="whisper")
    user.pool.measured("a", 2000)
    user.pool.release("a")
    user.load("a", 100, family="whisper")
    assert taken(user.pool) == 500


def test_what_was_measured_comes_down_again(base: Database) -> None:
    user = User(a_pool(base))
    booked = []
    for memory_mb in (900, 300, 300, 300):
        user.load("a", 100)
        booked.append(taken(user.pool))
        user.pool.measured("a", memory_mb)
        user.pool.release("a")
    assert booked == [100, 900, 750, 638]


def test_memory_is_released_later_if_it_cannot_be_written_now(base: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User(a_pool(base))
    user.load("a", 700)
    with monkeypatch.context() as full:
        full.setattr(base, "write", lambda operation: _raise(DiskFull("No space is left.")))
        user.pool.release("a")
        assert taken(user.pool) == 700
    user.load("b", 700)
    assert [model.lane for model in user.pool.loaded()] == ["b"]


def test_a_lane_is_in_the_book_once(user: User) -> None:
    user.load("a", 700)
    user.load("a", 600)
    assert [(model.lane, model.memory_mb) for model in user.pool.loaded()] == [("a", 600)]
    assert user.evicted == []


def test_the_machine_itself_is_the_budget_by_default(base: Database) -> None:
    total = CpuMemory().total_mb()
    assert a_pool(base, memory_mb=0, memory_system_mb=total // 4).budget_mb() == total - total // 4
    assert a_pool(base, memory_mb=0, memory_system_mb=10**9).budget_mb() == total // 2


def test_two_studios_share_one_budget(base: Database) -> None:
    one, two = User(a_pool(base, "studio_1")), User(a_pool(base, "studio_2"))
    one.load("idle", 600)
    thread = waiting(lambda: two.load("new", 600))
    until(one.asked_to_evict)
    thread.join(10)
    assert [(model.studio, model.lane) for model in one.pool.loaded()] == [("studio_2", "new")]


def test_another_studios_busy_model_is_waited_for(base: Database) -> None:
    one, two = User(a_pool(base, "studio_1")), User(a_pool(base, "studio_2"))
    one.load("busy", 600, busy=True)
    thread = waiting(lambda: two.load("new", 600))
    for _ in range(10):
        one.pool.obey()
        thread.join(0.02)
    assert thread.is_alive()
    one.busy.clear()
    until(one.asked_to_evict)
    thread.join(10)


def test_one_that_runs_no_tasks_gives_up_its_idle_model_too(base: Database) -> None:
    one, two = User(a_pool(base, "studio_1")), User(a_pool(base, "studio_2"))
    one.load("idle", 600)
    two.load("new", 600)
    assert one.evicted == ["idle"]


def test_an_idle_model_is_given_up_though_the_one_used_before_it_is_busy(base: Database) -> None:
    one, two = User(a_pool(base, "studio_1")), User(a_pool(base, "studio_2"))
    one.load("busy", 400, busy=True)
    one.load("idle", 400)
    two.load("new", 600)
    assert one.evicted == ["idle"]
    assert {model.lane for model in one.pool.loaded()} == {"busy", "new"}


def test_the_memory_of_a_dead_studio_is_released(base: Database) -> None:
    one, two = User(a_pool(base, "studio_1")), User(a_pool(base, "studio_2", dead=lambda: ["studio_1"]))
    one.load("orphan", 600, busy=True)
    two.load("new", 600)
    assert [(model.studio, model.lane) for model in two.pool.loaded()] == [("studio_2", "new")]


def test_random_loads_never_exceed_the_budget(base: Database) -> None:
    pools = [a_pool(base, f"studio_{n}") for n in range(2)]
    users = [User(pool) for pool in pools for _ in range(3)]
    stop = threading.Event()
    worst: list[int] = []

    def watch() -> None:
        while not stop.is_set():
            worst.append(taken(pools[0]))
            for pool in pools:
                pool.obey()

    def work(number: int) -> None:
        for turn in range(6):
            lane = f"{number}-{turn % 3}"
            if not users[number].pool.holds(lane):
                users[number].load(lane, 150 + 125 * ((number + turn) % 5), busy=True)
            users[number].busy.discard(lane)

    watcher = waiting(watch)
    threads = [waiting(partial(work, number)) for number in range(len(users))]
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    stop.set()
    watcher.join(10)
    assert 0 < max(worst) <= 1000


# Through a studio


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_fifty_first_requests_cause_one_load(open_studio: OpenStudio, executor: str) -> None:
    from avstudio_core.testing.exercises import Load

    studio = open_studio(executor=executor)
    before = Load.loads if executor == "inline" else 0
    handles = [studio.submit("exercise.load") for _ in range(50)]
    results = [handle.result(60) for handle in handles]
    assert len({result.process for result in results}) == 1
    assert {result.loads - before for result in results} == {1}


def test_two_big_models_run_one_after_another(open_studio: OpenStudio) -> None:
    studio = open_studio(executor="local", memory_mb=1000)
    handles = [studio.submit("exercise.load", model=model, memory_mb=700) for model in "ababab"]
    held: list[int] = []
    while not all(handle.task().state == "COMPLETED" for handle in handles):
        held.append(taken(studio.pool))
        time.sleep(0.005)
    assert max(held) == 700
    assert len({handle.result().process for handle in handles}) > 1


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_model_that_always_has_work_lets_another_one_in(
    open_studio: OpenStudio, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avstudio_core.models.pool.TURN_SECONDS", 0.1)
    studio = open_studio(executor=executor, memory_mb=1000)
    handles = [studio.submit("exercise.load", model="first", memory_mb=700, seconds=0.02) for _ in range(150)]
    studio.submit("exercise.load", model="second", memory_mb=700).result(60)
    assert sum(handle.task().state == "COMPLETED" for handle in handles) < 140


def test_a_model_that_never_fits_fails_its_task_with_the_cure(open_studio: OpenStudio) -> None:
    studio = open_studio(memory_mb=100)
    with pytest.raises(TaskFailed, match="Raise the setting 'memory_mb'") as failed:
        studio.submit("exercise.load", memory_mb=101).result(20)
    assert failed.value.cause == "not_enough_memory"


def test_a_task_that_waits_for_memory_can_be_cancelled(open_studio: OpenStudio) -> None:
    studio = open_studio(memory_mb=100)
    studio.pool.admit("elsewhere", Needs(model="elsewhere", memory_mb=100), lambda: False, lambda: False)
    waiter = studio.submit("exercise.load", memory_mb=50)
    until(lambda: waiter.task().state == "ASSIGNED")
    waiter.cancel()
    with pytest.raises(TaskCancelled):
        waiter.result(20)
    until(partial(stand_in_line, studio.pool, 0))


def test_the_memory_of_a_studio_that_was_killed_is_freed(open_studio: OpenStudio) -> None:
    studio = open_studio(memory_mb=1000, lease_seconds=1.0)
    code = (
        "import sys; from avstudio_core import Studio; from avstudio_core.testing import exercises\n"
        "studio = Studio(home=sys.argv[1], executor='inline', plugins='', add=[exercises], memory_mb=1000)\n"
        "studio.run('exercise.load', memory_mb=900); print('loaded', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(studio.settings.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"loaded\n"
        assert taken(studio.pool) == 900
        other.kill()
    assert studio.submit("exercise.load", model="other", memory_mb=800).result(30).process == os.getpid()
    assert [model.studio for model in studio.pool.loaded()] == [studio.id]


def test_an_idle_model_of_another_process_is_given_up_on_request(open_studio: OpenStudio) -> None:
    studio = open_studio(memory_mb=1000)
    code = (
        "import sys; from avstudio_core import Studio; from avstudio_core.testing import exercises\n"
        "studio = Studio(home=sys.argv[1], own=True, executor='local', plugins='', add=[exercises], memory_mb=1000)\n"
        "studio.run('exercise.load', memory_mb=900); print('loaded', flush=True); sys.stdin.read(); studio.close()"
    )
    command = [sys.executable, "-c", code, str(studio.settings.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"loaded\n"
        result: Any = studio.submit("exercise.load", model="other", memory_mb=800).result(30)
        assert result.loads >= 1
        assert [(model.studio == studio.id, model.memory_mb) for model in studio.pool.loaded()] == [(True, 800)]


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_work_that_needs_more_than_was_admitted_is_admitted_anew(open_studio: OpenStudio, executor: str) -> None:
    studio = open_studio(executor=executor, memory_mb=2000)
    booked = []
    for memory_mb in (300, 900, 600):
        studio.run("exercise.load", memory_mb=memory_mb)
        booked.append(sum(model.memory_mb for model in studio.pool.loaded()))
    assert booked[0] < booked[1]
    assert booked[1] >= booked[2] > booked[0]
    assert len(studio.pool.loaded()) == 1
