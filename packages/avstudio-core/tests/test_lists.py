"""Lists of tasks, plans, media files and projects: filters, and pages by cursor."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avstudio_core import InvalidInput, Page, Principal, State, Studio, TaskOptions

OpenStudio = Callable[..., Studio]


@pytest.fixture
def studio(open_studio: OpenStudio) -> Studio:
    return open_studio()


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all")
    return path


def all_pages(page: Callable[[str | None], Page[Any]]) -> list[Any]:
    """The items of all pages."""
    items, cursor = [], None
    while True:
        found = page(cursor)
        items += found.items
        if (cursor := found.next) is None:
            return items


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 50])
def test_pages_have_every_task_once_the_newest_first(studio: Studio, limit: int) -> None:
    made = [studio.submit("exercise.wait", seconds=0).task_id for number in range(5)]
    found = all_pages(lambda cursor: studio.tasks.page(limit, before=cursor))
    assert [task.id for task in found] == made[::-1]
    assert [task.id for task in studio.tasks.find(limit=2)] == made[-2:]


def test_tasks_are_found_by_all_their_conditions(studio: Studio, letter: Path) -> None:
    begun = time.time()
    echo = studio.submit("exercise.wait", seconds=0)
    film = studio.submit("exercise.copy", letter, options=TaskOptions(project="film"))
    plan = studio.submit_plan("exercise.copy | exercise.copy", letter, options=TaskOptions(project="film"))
    for handle in (echo, film, plan):
        handle.result(20)
    middle = studio.tasks.get(film.task_id).created_at
    steps = [handle.task_id for handle in plan.steps.values()]
    for wanted, ids in (
        ({"processor": "exercise.wait"}, [echo.task_id]),
        ({"project": "film"}, [film.task_id, *steps]),
        ({"project": "default"}, [echo.task_id]),
        ({"project": "film", "plan_id": plan.plan_id}, steps),
        ({"states": [State.COMPLETED], "processor": "exercise.copy", "limit": 1}, steps[-1:]),
        ({"states": [State.FAILED]}, []),
        ({"since": begun, "until": middle}, [echo.task_id]),
        ({"since": middle}, [film.task_id, *steps]),
        ({"since": time.time() + 60}, []),
        ({"since": 0, "until": time.time() + 1e9, "before": film.task_id}, [echo.task_id]),
    ):
        assert [task.id for task in studio.tasks.find(**wanted)] == ids, wanted


@pytest.mark.parametrize(
    "wanted",
    [{"limit": -1}, {"limit": "1"}, {"colour": "red"}, {"since": "now"}, {"until": float("nan")}, {"project": ""}],
)
def test_a_condition_that_is_not_valid_is_refused(studio: Studio, wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        studio.tasks.find(**wanted)


def test_media_files_are_listed_with_their_project_and_place(studio: Studio, letter: Path) -> None:
    anna = studio.session(Principal("anna"))
    given = [anna.take_in(letter, project) for project in ("film", "song", "film")]
    assert [one.artifact for one in all_pages(lambda cursor: anna.media.page(2, before=cursor))] == given[::-1]
    assert [one.id for one in anna.media.page(project="film").items] == [given[2].id, given[0].id]
    shown = anna.media.get(given[1].id)
    assert (shown.path, shown.project, shown.owner) == (str(letter), "song", "anna")
    assert shown.artifact.path.read_text() == "Dear all"
    assert anna.media.delete_path(str(letter), "film").files == 2
    assert anna.media.delete(given[1].id).files == 1
    assert anna.media.page() == ([], None)


def test_a_result_is_not_a_media_file(studio: Studio, letter: Path) -> None:
    made = studio.run("exercise.copy", letter).copied
    assert [one.artifact.name for one in studio.media.page().items] == ["letter.txt"]
    with pytest.raises(Exception, match=made.id):
        studio.media.get(made.id)


def test_projects_are_counted_for_each_owner(studio: Studio, letter: Path) -> None:
    anna, ben = (studio.session(Principal(name)) for name in ("anna", "ben"))
    for session, project in ((anna, "film"), (anna, "default"), (ben, "film"), (ben, "song"), (studio, "film")):
        session.submit("exercise.wait", seconds=0, options=TaskOptions(project=project)).result(20)
    anna.take_in(letter, "alps")
    assert all_pages(lambda cursor: anna.projects.page(1, after=cursor)) == [
        ("alps", 0, 1),
        ("default", 1, 0),
        ("film", 1, 0),
    ]
    assert ben.projects.page().items == [("film", 1, 0), ("song", 1, 0)]
    assert studio.projects.page().items == [("alps", 0, 1), ("default", 1, 0), ("film", 3, 0), ("song", 1, 0)]


def test_kept_plans_are_paged(studio: Studio) -> None:
    made = [studio.submit_plan("exercise.wait seconds=0").plan_id for _ in range(3)]
    assert [plan.id for plan in all_pages(lambda cursor: studio.tasks.plans.page(2, before=cursor))] == made[::-1]


def test_the_health_of_a_studio_tells_what_it_has_to_do(studio: Studio) -> None:
    studio.run("exercise.wait", seconds=0)
    health = studio.health()
    assert health.outage is None
    assert health.tasks == {State.COMPLETED: 1}
    assert health.free_bytes > 0
    assert health.budget_mb > 0


@pytest.mark.parametrize("moment", [1e308, 10**400, float("inf"), -1e308])
def test_times_that_are_far_away_are_times(studio: Studio, moment: float) -> None:
    studio.submit("exercise.wait", seconds=0)
    assert len(studio.tasks.find(until=moment)) == (moment > 0)
    assert len(studio.tasks.find(since=moment)) == (moment < 0)
