"""A principal with a project sees and changes only what is in it, as if its owner had no other work."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from avstudio_core import InvalidInput, NotAllowed, NotFound, Principal, Studio, TaskFailed, TaskOptions
from avstudio_core.access.session import Session

OpenStudio = Callable[..., Studio]
Things = Mapping[str, str]


@pytest.fixture
def studio(open_studio: OpenStudio) -> Studio:
    return open_studio()


def at(studio: Studio, owner: str, project: str | None) -> Session:
    return studio.session(Principal(owner, project=project))


def things(session: Session, project: str, folder: Path) -> Things:
    """One of each thing, in a project."""
    options, letter, other = TaskOptions(project=project), folder / f"{project}.txt", folder / f"{project}-2.txt"
    letter.write_text("Dear all")
    other.write_text("Yours")
    copied = session.submit("exercise.copy", letter, options=options)
    run = session.start_run("exercise.copy", letter, key="once", options=options)
    failed = session.submit_plan("exercise.fail", options=options)
    with pytest.raises(TaskFailed):
        failed.result(20)
    reviewed = session.submit("exercise.copy", letter, options=TaskOptions(project=project, reviewer="person"))
    deadline = time.monotonic() + 20
    while not reviewed.task().waits_for_person and time.monotonic() < deadline:
        time.sleep(0.01)
    session.take_in(other, project)
    return {
        "task": copied.task_id,
        "made": copied.result(20).copied.id,
        "given": session.take_in(letter, project).id,
        "failed": next(iter(failed.steps.values())).task_id,
        "plan": failed.plan_id,
        "run": run.wait(20).id,
        "review": reviewed.task_id,
        "upload": session.uploads.create("song.wav", 5, project=project).id,
        "webhook": session.webhooks.create("https://example.com/hook")[0].id,
        "done": run.tasks()[0].plan_id,
        "path": str(other),
    }


def _events(session: Session, subject: str) -> list[int]:
    found = [event.seq for event in session.events(subjects=subject, after=0).stored()]
    if not found:
        raise NotFound(f"No task has the id '{subject}'.", hint="See the list of tasks.")
    return found


OPERATIONS: list[tuple[str, Callable[[Session, str], object]]] = [
    ("task", lambda session, one: session.tasks.get(one)),
    ("task", lambda session, one: session.handle(one).result(20)),
    ("task", lambda session, one: list(session.handle(one).events())),
    ("task", lambda session, one: session.tasks.at_rest([one])),
    ("task", _events),
    ("made", lambda session, one: session.artifact(one)),
    ("made", lambda session, one: session.run("exercise.copy", one)),
    ("made", lambda session, one: list(session.content(session.artifact(one)))),
    ("given", lambda session, one: session.media.get(one)),
    ("given", lambda session, one: session.submit_plan("exercise.copy", one).result(20)),
    ("plan", lambda session, one: session.plan(one)),
    ("plan", lambda session, one: session.tasks.plans.get(one)),
    ("run", lambda session, one: session.tasks.run(one)),
    ("upload", lambda session, one: session.uploads.get(one)),
    ("webhook", lambda session, one: session.webhooks.get(one)),
    ("webhook", lambda session, one: session.webhooks.replay(one)),
    ("failed", lambda session, one: session.retry(one)),
    ("plan", lambda session, one: session.tasks.cancel_plan(one)),
    ("plan", lambda session, one: session.retry_plan(one)),
    ("run", lambda session, one: session.tasks.cancel_run(one)),
    ("review", lambda session, one: session.tasks.send_back(one, "again")),
    ("review", lambda session, one: session.tasks.cancel(one)),
    ("webhook", lambda session, one: session.webhooks.delete(one)),
    ("upload", lambda session, one: session.uploads.delete(one)),
    ("given", lambda session, one: session.media.delete(one)),
    ("made", lambda session, one: session.delete_artifact(one)),
    ("task", lambda session, one: session.tasks.delete(one)),
    ("done", lambda session, one: session.tasks.delete_plan(one)),
    ("path", lambda session, one: session.media.delete_path(one)),
]


def refused(operation: Callable[[Session, str], object], session: Session, one: str) -> str:
    with pytest.raises(NotFound) as caught:
        operation(session, one)
    return str(caught.value).replace(one, "ID")


def test_a_principal_with_a_project_does_everything_in_it_and_nothing_beyond_it(studio: Studio, tmp_path: Path) -> None:
    """Another project of the same owner, another owner, and what nobody has are the same to it."""
    for name in ("own", "wide", "ben"):
        (tmp_path / name).mkdir()
    film, wide, ben = at(studio, "anna", "film"), at(studio, "anna", None), at(studio, "ben", None)
    own, others = things(film, "film", tmp_path / "own"), things(wide, "song", tmp_path / "wide")
    strange = things(ben, "film", tmp_path / "ben")
    for kind, operation in OPERATIONS:
        unknown = refused(operation, film, "art_none")
        assert refused(operation, film, others[kind]) == unknown, (kind, "another project")
        assert refused(operation, film, strange[kind]) == unknown, (kind, "another owner")
    for kind, operation in OPERATIONS:
        operation(film, own[kind])
    for session, kept in ((wide, others), (ben, strange)):
        for kind, operation in OPERATIONS:
            operation(session, kept[kind])  # nothing of it was changed


def test_lists_and_counts_have_only_what_is_in_the_project(studio: Studio, tmp_path: Path) -> None:
    wide, film = at(studio, "anna", None), at(studio, "anna", "film")
    things(wide, "song", tmp_path)
    beside = film.webhooks.all(), film.projects.page().items, film.media.page().items, film.tasks.plans.find()
    assert (film.tasks.find(), film.tasks.counted(), film.tasks.matching("task"), *beside) == (
        [],
        {},
        [],
        [],
        [],
        [],
        [],
    )
    for page in (film.tasks.page, film.media.page):
        with pytest.raises(NotFound, match="No project is named 'song'"):
            page(project="song")
    assert list(film.events(after=0).stored()) == []
    film.publish("agent.message", "msg_1", {"message": "Done."})
    wide.publish("agent.message", "msg_1", {"message": "Secret."})
    assert [event.data for event in film.events(after=0).stored()] == [{"message": "Done."}]
    own = things(film, "film", tmp_path)
    assert {task.project for task in film.tasks.find()} == {"film"}
    with pytest.raises(NotFound):
        film.projects.delete("song")
    assert [project.name for project in film.projects.page().items] == ["film"]
    assert {event.project for event in film.events(after=0).stored()} == {"film"}
    assert (len(film.webhooks.all()), len(wide.webhooks.all())) == (1, 2)
    assert {task.project for task in wide.tasks.find()} == {"film", "song"}
    assert wide.tasks.get(own["task"]).id == own["task"]


def test_a_live_listener_gets_only_the_events_of_its_project(studio: Studio) -> None:
    wide, film = at(studio, "anna", None), at(studio, "anna", "film")
    with film.events(types="task.submitted") as stream:
        wide.submit("exercise.wait", options=TaskOptions(project="song"))
        mine = film.submit("exercise.wait").task_id
        assert next(stream).subject == mine


def test_a_result_of_another_project_answers_nothing(studio: Studio, tmp_path: Path) -> None:
    """The owner's other projects are not inferred from the cache, nor from the keys of runs."""
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear all")
    wide, film = at(studio, "anna", None), at(studio, "anna", "film")
    first = wide.run("exercise.copy", letter)
    other, again = film.run("exercise.copy", letter), film.run("exercise.copy", letter)
    assert (other.cache_hit, again.cache_hit, again.copied.id) == (False, True, other.copied.id)
    assert film.artifact(other.copied.id).id != first.copied.id
    runs = [session.start_run("exercise.wait", key="once") for session in (wide, film, film)]
    assert (runs[0].run_id == runs[1].run_id, runs[1].run_id == runs[2].run_id) == (False, True)
    assert wide.earlier_run("once", project="film") is not None


def test_a_file_of_another_project_is_seen_where_a_task_reads_it_and_stays(studio: Studio, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear all")
    wide, film = at(studio, "anna", None), at(studio, "anna", "film")
    given = wide.take_in(letter, "song")
    handle = wide.submit("exercise.copy", given, options=TaskOptions(project="film"))
    handle.result(20)
    assert b"".join(film.content(film.artifact(given.id))) == b"Dear all"
    with pytest.raises(NotFound):
        film.delete_artifact(given.id)
    assert film.tasks.delete(handle.task_id).files == 1
    assert wide.media.get(given.id).project == "song"
    with pytest.raises(NotFound):
        film.artifact(given.id)


def test_another_project_is_neither_named_nor_made(studio: Studio, tmp_path: Path) -> None:
    film = at(studio, "anna", "film")
    for refused in (
        lambda: film.submit("exercise.wait", options=TaskOptions(project="song")),
        lambda: film.start_run("exercise.wait", options=TaskOptions(project="song")),
        lambda: film.uploads.create("song.wav", 5, project="song"),
        lambda: film.receive("song.wav", "song"),
        lambda: film.earlier_run("once", project="song"),
    ):
        with pytest.raises(NotAllowed, match="'song' cannot be used"):
            refused()
    assert studio.projects.page().items == []


def test_an_administrator_is_not_limited_to_a_project() -> None:
    with pytest.raises(InvalidInput, match="not limited to the project 'film'"):
        Principal("anna", scopes={"admin"}, project="film")
