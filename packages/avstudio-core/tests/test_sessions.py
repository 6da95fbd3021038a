"""A session does everything for its owner, and another owner's work is as unknown to it as what does not exist."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import select

from avstudio_core import (
    CorruptFile,
    InUse,
    InvalidInput,
    NotAllowed,
    NotFound,
    Principal,
    State,
    Studio,
    TaskCancelled,
    TaskFailed,
    TaskOptions,
)
from avstudio_core.access.principal import SCOPES, Scope
from avstudio_core.access.session import Session
from avstudio_core.storage.tables import api_calls, artifacts

OpenStudio = Callable[..., Studio]


@pytest.fixture
def studio(open_studio: OpenStudio) -> Studio:
    return open_studio()


@pytest.fixture
def anna(studio: Studio) -> Session:
    return studio.session(Principal("anna", key="key_anna"))


@pytest.fixture
def ben(studio: Studio) -> Session:
    return studio.session(Principal("ben"))


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all")
    return path


def unknown(refused: Callable[[str], object], real: str, unreal: str) -> None:
    """An id of another owner gives the same error as one that nobody has."""
    messages = []
    for one in (real, unreal):
        with pytest.raises(NotFound) as caught:
            refused(one)
        messages.append(str(caught.value).replace(one, "ID"))
    assert messages[0] == messages[1]


def test_a_session_runs_submits_and_keeps_plans_for_its_owner(anna: Session, studio: Studio, letter: Path) -> None:
    copied = anna.run("exercise.copy", letter, suffix="!").copied
    assert copied.path.read_text() == "Dear all!"
    plan = anna.submit_plan("exercise.copy | exercise.copy", copied)
    plan.result(20)
    assert {task.owner for task in anna.tasks.find()} == {"anna"}
    assert [kept.id for kept in anna.tasks.plans.find()] == [plan.plan_id]
    assert anna.plan(plan.plan_id).result(20).keys() == plan.steps.keys()
    with studio._database.read() as connection:
        assert set(connection.execute(select(artifacts.c.owner)).scalars()) == {"anna"}


def test_the_tasks_of_a_plan_have_pages(anna: Session, ben: Session, letter: Path) -> None:
    plan = anna.submit_plan("exercise.copy | exercise.copy | exercise.copy", letter)
    first = anna.tasks.steps(plan.plan_id, 2)
    second = anna.tasks.steps(plan.plan_id, 2, after=first.next)
    assert [task.id for task in first.items + second.items] == [step.task_id for step in plan.steps.values()]
    assert second.next is None
    plan.result(20)
    assert anna.tasks.states_of_plan(plan.plan_id) == {State.COMPLETED: 3}
    for refused in (ben.tasks.steps, ben.tasks.step_ids, ben.tasks.states_of_plan):
        unknown(refused, plan.plan_id, "plan_0")


def test_another_owners_ids_are_as_unknown_as_ids_that_nobody_has(anna: Session, ben: Session, letter: Path) -> None:
    handle = anna.submit("exercise.copy", letter)
    made, plan = handle.result(20).copied, anna.submit_plan("exercise.fail")
    failed = next(iter(plan.steps.values())).task_id
    with pytest.raises(Exception, match="as asked"):
        plan.result(20)
    for refused in (
        ben.tasks.get,
        ben.tasks.cancel,
        ben.tasks.accept,
        ben.retry,
        lambda one: ben.tasks.send_back(one, "no"),
        lambda one: ben.handle(one).result(20),
        lambda one: list(ben.handle(one).events()),
        lambda one: ben.tasks.at_rest([one]),
    ):
        unknown(refused, failed, "task_0")
    for refused in (ben.plan, ben.tasks.plans.get):
        unknown(refused, plan.plan_id, "plan_0")
    for refused in (ben.artifact, ben.given, lambda one: ben.run("exercise.copy", one)):
        unknown(refused, made.id, "art_0")
    assert (ben.tasks.find(), ben.tasks.counted(), ben.tasks.matching("task"), ben.tasks.plans.find()) == (
        [],
        {},
        [],
        [],
    )
    unknown(lambda one: ben.events(subjects=one), failed, "task_0")
    for refused in (lambda one: ben.events(plan=one), lambda one: ben.tasks.page(plan_id=one)):
        unknown(refused, plan.plan_id, "plan_0")
    assert list(anna.events(subjects=failed, after=0).stored())
    with pytest.raises(NotAllowed, match="not yours"):
        ben.events(owner="anna")


def test_an_artifact_of_another_owner_is_refused_as_an_object_too(
    anna: Session, ben: Session, letter: Path, tmp_path: Path
) -> None:
    stranger = anna.take_in(letter)
    own = ben.take_in(letter)
    with pytest.raises(NotFound):
        ben.export(stranger, tmp_path / "copy.txt")
    with pytest.raises(NotFound):
        ben.submit("exercise.copy", stranger)
    forged = own.model_copy(update={"sha256": "0" * 64})
    assert ben.export(forged, tmp_path / "copy.txt").read_text() == "Dear all"


def test_a_wait_for_another_owners_running_task_ends_at_once(anna: Session, ben: Session) -> None:
    handle = anna.submit("exercise.wait", seconds=60)
    with pytest.raises(NotFound):
        ben.handle(handle.task_id).result(20)
    assert anna.tasks.get(handle.task_id).error is None
    handle.cancel()
    with pytest.raises(TaskCancelled):
        anna.handle(handle.task_id).result(20)


def test_the_local_user_sees_and_changes_the_work_of_all(anna: Session, ben: Session, studio: Studio) -> None:
    waiting = [session.submit("exercise.wait", seconds=60).task_id for session in (anna, ben)]
    assert [task.owner for task in studio.tasks.find()] == ["anna", "ben"]
    for one in waiting:
        studio.handle(one).cancel()
    assert studio.tasks.matching("task_") == waiting


def test_an_owner_is_answered_from_the_cache_only_with_own_results(anna: Session, ben: Session, letter: Path) -> None:
    first = anna.run("exercise.copy", letter)
    other = ben.run("exercise.copy", letter)
    assert not other.cache_hit
    assert other.copied.sha256 == first.copied.sha256
    assert other.copied.id != first.copied.id
    again = anna.run("exercise.copy", letter)
    assert (again.cache_hit, again.copied.id) == (True, first.copied.id)
    assert ben.artifact(other.copied.id).lineage == other.copied.lineage
    assert set(other.provenance.parents).isdisjoint(first.provenance.parents)


def test_what_one_owner_removes_changes_nothing_for_another(
    anna: Session, ben: Session, studio: Studio, letter: Path
) -> None:
    old, kept = anna.submit("exercise.copy", letter), ben.submit("exercise.copy", letter)
    made, left = old.result(20).copied, kept.result(20).copied
    studio.delete_artifact(made.id)
    studio.tasks.delete(old.task_id)
    with pytest.raises(NotFound):
        studio.artifact(made.id)
    again = ben.run("exercise.copy", letter)
    assert (again.cache_hit, again.copied.id) == (True, left.id)
    assert left.path.read_text() == "Dear all"


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        ("run", lambda session: session.submit("exercise.wait")),
        ("run", lambda session: session.tasks.cancel("task_0")),
        ("run", lambda session: session.take_in(__file__)),
        ("read", lambda session: session.tasks),
        ("read", lambda session: session.artifact("art_0")),
        ("read", lambda session: session.costs("day")),
        ("chat", lambda session: session.chat("Hello?")),
        ("files", lambda session: session.submit("exercise.copy", __file__)),
        ("files", lambda session: session.take_in(__file__)),
    ],
)
def test_a_method_without_its_scope_is_refused(
    studio: Studio, scope: Scope, refused: Callable[[Session], object]
) -> None:
    scopes: set[Scope] = {"run", "read", "chat", "files"}
    with pytest.raises(NotAllowed, match=f"does not have the scope '{scope}'"):
        refused(studio.session(Principal("anna", scopes=scopes - {scope})))


@pytest.mark.parametrize("who", [Principal("anna"), Principal("boss", scopes=SCOPES)], ids=["owner", "admin"])
@pytest.mark.parametrize("way", ["{home}", "{home}/../home", "{other}/link", "/proc/self/cwd/home"])
def test_no_file_of_the_data_folder_can_be_named(
    studio: Studio, letter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: Principal, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    session, stored = studio.session(who), studio.take_in(letter)
    (tmp_path / "link").symlink_to(studio.settings.home)
    (tmp_path / "letter-link").symlink_to(stored.path)
    folder = Path(way.format(home=studio.settings.home, other=tmp_path))
    named = [folder / "avstudio.db", folder / stored.path.relative_to(studio.settings.home), tmp_path / "letter-link"]
    own = session.take_in(letter)
    calls: list[Callable[[Path], object]] = [
        session.take_in,
        partial(session.submit, "exercise.copy"),
        partial(session.check_plan, "exercise.copy"),
        partial(session.presets.save, "mine"),
        partial(session.export, own, overwrite=True),
    ]
    for path, call in product(named, calls):
        with pytest.raises(NotAllowed, match="is in the data folder"):
            call(path)
    for target in (folder, folder / "new" / "deep.txt"):
        with pytest.raises(NotAllowed, match="is in the data folder"):
            session.export(own, target)
    assert session.given(own.id) == own
    assert studio.given(stored.path) == stored.path


def test_a_principal_with_a_project_works_in_it(studio: Studio, letter: Path) -> None:
    session = studio.session(Principal("anna", project="film"))
    handle = session.submit("exercise.copy", letter)
    assert handle.task().project == "film"
    with pytest.raises(NotAllowed, match="'song' cannot be used"):
        session.submit("exercise.wait", options=TaskOptions(project="song"))
    with pytest.raises(NotAllowed, match="'song' cannot be used"):
        session.take_in(letter, "song")


def test_a_session_is_for_a_principal(studio: Studio) -> None:
    with pytest.raises(InvalidInput, match="'anna' is not a principal"):
        studio.session("anna")  # type: ignore[arg-type]


def test_the_twins_for_event_loops_do_the_same(anna: Session, letter: Path, tmp_path: Path) -> None:
    async def work() -> str:
        source = await anna.atake_in(letter)
        made = (await anna.arun("exercise.copy", source, suffix="!")).copied
        results = await anna.arun_plan("exercise.copy | exercise.copy", await anna.aartifact(made.id))
        assert len(results) == 2
        return (await anna.aexport(made, tmp_path / "out.txt")).read_text()

    assert asyncio.run(work()) == "Dear all!"


def test_a_run_whose_caller_is_cancelled_is_cancelled(anna: Session) -> None:
    async def work() -> None:
        running = asyncio.create_task(anna.arun("exercise.wait", seconds=60))
        while not await asyncio.to_thread(anna.tasks.find):
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(work())
    (task,) = anna.tasks.find()
    with pytest.raises(TaskCancelled):
        anna.handle(task.id).result(20)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_run_whose_caller_is_cancelled_while_it_is_submitted_is_cancelled(anna: Session, times: int) -> None:
    async def work() -> None:
        running = asyncio.create_task(anna.arun("exercise.wait", seconds=60))
        for _ in range(times):
            await asyncio.sleep(0)  # now another thread submits it
            running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(work())
    (task,) = anna.tasks.find()
    with pytest.raises(TaskCancelled):
        anna.handle(task.id).result(20)


GREEDY = """
class Greedy(Processor[Params, Result]):
    "Ask on the account of others."
    name = "llm.greedy"
    cacheable = False

    def run(self, source, params, context):
        context.chat("Hello?", model="scripted/one", key="key_ben", agent="cutter", project="song", task="task_0")
        return Result()

@hookimpl
def register_processors():
    from avstudio_core.testing.scripted import Scripted
    return [Greedy]

@hookimpl
def register_backends():
    from avstudio_core.testing.scripted import Scripted
    return [Scripted]
"""


def accounts(studio: Studio, count: int = 1) -> list[tuple[str | None, ...]]:
    """Who pays for the calls, once there are so many: they are settled after their answers."""
    columns = [api_calls.c[name] for name in ("key", "project", "task", "agent")]
    found: list[tuple[str | None, ...]] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        with studio._database.read() as connection:
            found = [tuple(row) for row in connection.execute(select(*columns).order_by(api_calls.c.at))]
    return found


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_run_is_charged_to_its_principal_whatever_it_asks_for(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType], executor: str
) -> None:
    studio = open_studio(write_plugin(GREEDY), executor=executor)
    anna = studio.session(Principal("anna", key="key_anna", project="film"))
    handle = anna.submit("llm.greedy")
    handle.result(40)
    assert accounts(studio) == [("key_anna", "film", handle.task_id, None)]
    assert [(line.name, line.calls) for line in anna.costs("project")] == [("film", 1)]
    assert studio.session(Principal("ben")).costs("project") == []


def test_a_chat_is_charged_to_its_principal(open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]) -> None:
    studio = open_studio(write_plugin(GREEDY))
    anna = studio.session(Principal("anna", key="key_anna"))
    anna.chat("Hello?", model="scripted/one", key="key_ben", task="task_0", agent="cutter")
    assert [*anna.stream("Hello?", model="scripted/one", key="key_ben")]
    asyncio.run(anna.achat("Hello?", model="scripted/one", key="key_ben"))
    anna.embed(["one"], model="scripted/one", key="key_ben")
    assert accounts(studio, 4) == [("key_anna", "default", None, None)] * 4
    assert sum(line.calls for line in anna.costs("day")) == 4


def test_the_costs_of_an_owner_without_a_key_have_its_direct_chats(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]
) -> None:
    studio = open_studio(write_plugin(GREEDY))
    cara, ben = studio.session(Principal("cara")), studio.session(Principal("ben"))
    cara.chat("Hello?", model="scripted/one")
    cara.submit("llm.greedy").result(40)
    assert len(accounts(studio, 2)) == 2
    assert sum(line.calls for line in cara.costs("day")) == 2
    assert ben.costs("day") == []


def test_an_owner_deletes_only_its_own(anna: Session, ben: Session, letter: Path) -> None:
    handle = anna.submit("exercise.copy", letter, suffix="!")
    made, plan = (
        handle.result(20).copied,
        anna.submit_plan("exercise.copy", letter, options=TaskOptions(project="film")),
    )
    plan.result(20)
    given = anna.media.page(1, project="film").items[0].id
    unknown(ben.tasks.delete, handle.task_id, "task_none")
    unknown(ben.tasks.delete_plan, plan.plan_id, "plan_none")
    unknown(ben.delete_artifact, made.id, "art_none")
    unknown(ben.media.delete, given, "art_none")
    unknown(ben.media.delete_path, str(letter), "/none")
    unknown(ben.projects.delete, "film", "movie")
    assert anna.projects.delete("film").tasks == 1
    assert anna.tasks.delete(handle.task_id).tasks == 1
    assert anna.tasks.find() == []
    assert anna.media.page().items == []


def test_a_project_of_two_owners_loses_only_what_one_of_them_deletes(
    anna: Session, ben: Session, studio: Studio, letter: Path
) -> None:
    film = TaskOptions(project="film")
    for session in (anna, ben):
        session.submit("exercise.copy", letter, options=film).result(20)
    assert studio.projects.get("film") == ("film", 2, 2)
    assert anna.projects.get("film") == ("film", 1, 1)
    assert anna.projects.delete("film").tasks == 1
    assert [(one.owner, one.project) for one in studio.media.page().items] == [("ben", "film")]
    assert [task.owner for task in studio.tasks.find(project="film")] == ["ben"]
    unknown(lambda name: anna.projects.get(name), "film", "movie")


def test_a_file_that_an_administrator_read_stays_with_its_owner(anna: Session, studio: Studio, letter: Path) -> None:
    given = anna.take_in(letter)
    handle = studio.submit("exercise.copy", given)
    handle.result(20)
    studio.tasks.delete(handle.task_id)
    assert anna.artifact(given.id) == given


def test_who_may_only_read_deletes_nothing(studio: Studio, letter: Path) -> None:
    handle = studio.session(Principal("anna")).submit("exercise.copy", letter)
    made = handle.result(20).copied
    reader = studio.session(Principal("anna", scopes=["read"]))
    assert reader.media.page().items
    for refused in (
        lambda: reader.tasks.delete(handle.task_id),
        lambda: reader.tasks.delete_plan("plan_0"),
        lambda: reader.delete_artifact(made.id),
        lambda: reader.media.delete(made.id),
        lambda: reader.media.delete_path(str(letter)),
        lambda: reader.projects.delete("default"),
        lambda: reader.administration,
    ):
        with pytest.raises(NotAllowed):
            refused()


LIGHT = {
    *("session", "serve", "continued", "ask", "processor", "outputs", "distribution", "start", "wake", "close"),
    *("handle", "given", "events", "stream", "content", "ended", "receive"),
}
"""Methods that return at once, that are for the core, or whose results have twins of their own."""


def test_everything_that_blocks_has_a_twin_for_event_loops(studio: Studio) -> None:
    parts = (studio, studio.tasks, studio.tasks.plans, studio.media, studio.projects, studio.administration)
    for part in parts:
        kinds = [kind for kind in type(part).mro() if kind is not object]
        methods = {name for kind in kinds for name, one in vars(kind).items() if inspect.isfunction(one)}
        public = {name for name in methods if not name.startswith("_")} - LIGHT
        named = {f"a{name}" for name in public} & public
        assert {name for name in public - named if f"a{name}" not in public} == {"acontent"} & public, type(part)


def test_content_is_read_in_ranges_with_and_without_an_event_loop(anna: Session, ben: Session, letter: Path) -> None:
    given = anna.take_in(letter)

    async def read(start: int, end: int | None) -> bytes:
        return b"".join([block async for block in anna.acontent(given, start, end)])

    for start, end in ((0, None), (5, None), (5, 8), (7, 100), (90, 100), (3, 3)):
        wanted = letter.read_bytes()[start:end]
        assert b"".join(anna.content(given, start, end)) == wanted
        assert asyncio.run(read(start, end)) == wanted
    with pytest.raises(NotFound):
        ben.content(given)
    with pytest.raises(InvalidInput, match="-1"):
        anna.content(given, -1)


def test_damaged_content_is_noticed(anna: Session, letter: Path) -> None:
    given = anna.take_in(letter)
    anna.verify(given)
    given.path.write_text("Dear none")
    with pytest.raises(CorruptFile):
        anna.verify(given)
    given.path.unlink()
    with pytest.raises(CorruptFile):
        b"".join(anna.content(given))
    os.mkfifo(given.path)
    with pytest.raises(CorruptFile, match="Not a file"):
        anna.content(given)


def test_an_event_is_published_from_an_event_loop(anna: Session) -> None:
    data = {"agent": "cutter", "message": "Done.", "metadata": {}}
    published = asyncio.run(anna.apublish("agent.message", "msg_1", data))
    assert [event.seq for event in anna.events(after=0, types="agent.message").stored()] == [published.seq]


def test_a_deletion_does_not_tell_whether_another_owner_has_the_content(
    anna: Session, ben: Session, letter: Path
) -> None:
    given = ben.take_in(letter)
    assert anna.media.delete(anna.take_in(letter).id) == (0, 1, len("Dear all"))
    ben.verify(given)
    assert ben.media.delete(given.id) == (0, 1, len("Dear all"))
    assert not given.path.exists()


def test_a_refused_deletion_does_not_name_an_administrators_task(anna: Session, studio: Studio, letter: Path) -> None:
    given = anna.take_in(letter)
    waiting = studio.submit("exercise.copy", given, options=TaskOptions(reviewer="person"))
    deadline = time.monotonic() + 20
    while not waiting.task().waits_for_person and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(InUse, match="A task that has not ended needs it"):
        anna.media.delete(given.id)
    with pytest.raises(InUse, match=waiting.task_id):
        studio.media.delete(given.id)


def test_what_is_not_there_cannot_be_cancelled_or_retried(studio: Studio) -> None:
    """Another owner's plan or run is as unknown as one that nobody has."""
    anna, ben = studio.session(Principal("anna")), studio.session(Principal("ben")).tasks
    run = anna.start_run("exercise.wait seconds=600")
    plan = run.tasks()[0].plan_id
    for request, name in ((ben.cancel_run, run.run_id), (ben.cancel_plan, plan), (ben.retry_plan, plan)):
        for given in (name, "none"):
            with pytest.raises(NotFound, match=f"has the id '{given}'"):
                request(given)
    assert not run.tasks()[0].finished_at
    run.cancel()


def test_who_may_run_may_also_run_again(studio: Studio) -> None:
    """A principal that may not read gets what it made again by the id that it was given."""
    session = studio.session(Principal("anna", scopes={"run"}))
    handle = session.submit("exercise.fail", message="no")
    with pytest.raises(TaskFailed):
        handle.result(30)
    assert session.retry(handle.task_id) == [handle.task_id]
    with pytest.raises(NotAllowed, match="'run'"):
        studio.session(Principal("anna", scopes={"read"})).retry(handle.task_id)
