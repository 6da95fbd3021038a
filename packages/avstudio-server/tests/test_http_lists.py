"""Lists by HTTP: pages, filters, and the removal of what they show."""

from __future__ import annotations

import faulthandler
import time
from types import ModuleType
from typing import Any

import httpx2
import pytest

import avstudio_server.plugin
from avstudio_core.testing import exercises
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
TASKS, PLANS, PROJECTS = "/api/v1/tasks", "/api/v1/plans", "/api/v1/projects"


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [avstudio_server.plugin, exercises]


@pytest.fixture
def client(server: HttpServer) -> httpx2.Client:
    return server.client(server.key())


def run(client: httpx2.Client, processor: str = "wait", project: str = "default", **params: Any) -> str:
    """The id of a task that has ended."""
    path = f"/api/v1/exercise/{processor}?project={project}"
    answer = client.post(path, json=params, headers={"Prefer": "wait=20"})
    return answer.headers.get("location", client.get(TASKS).json()["tasks"][0]["id"]).rpartition("/")[2]


def follow(client: httpx2.Client, plan: str) -> None:
    """Read the events of a plan to their end. If that does not come, say what all do that could send it."""
    deadline = time.monotonic() + 50
    with client.stream("GET", f"{plan}/events") as answer:
        seen = []
        for line in answer.iter_lines():  # there is one at least every 15 s
            seen.append(line)
            if time.monotonic() > deadline:
                faulthandler.dump_traceback(all_threads=True)
                pytest.fail(f"The events do not end: {seen}\n{client.get(plan).text}")


def test_pages_have_every_task_once_the_newest_first(client: httpx2.Client) -> None:
    made = [run(client, seconds=0) for _ in range(3)]
    first = client.get(TASKS, params={"limit": 2}).json()
    second = client.get(TASKS, params={"limit": 2, "cursor": first["next"]}).json()
    assert [task["id"] for task in (*first["tasks"], *second["tasks"])] == made[::-1]
    assert second["next"] is None


def test_the_tasks_of_a_plan_have_pages_the_oldest_first(client: httpx2.Client) -> None:
    steps = [{"id": f"s{n}", "processor": "exercise.wait", "params": {"seconds": 0}} for n in range(3)]
    made = client.post(PLANS, json={"plan": {"steps": steps}}, headers={"Prefer": "wait=20"})
    plan = made.headers["location"]
    first = client.get(plan, params={"limit": 2}).json()
    second = client.get(plan, params={"limit": 2, "cursor": first["next"]}).json()
    assert [task["step"] for task in (*first["tasks"], *second["tasks"])] == ["s0", "s1", "s2"]
    assert second["next"] is made.json()["next"] is None
    assert first["states"] == second["states"] == {"COMPLETED": 3}
    assert [client.get(plan, params=bad).status_code for bad in ({"limit": 0}, {"cursor": "\0"})] == [422, 422]
    assert client.get(f"{PLANS}/plan_0", params={"cursor": first["next"]}).status_code == 404


def test_tasks_are_found_by_their_conditions(client: httpx2.Client) -> None:
    film, failed = run(client, project="film", seconds=0), run(client, "fail", message="no")
    task = client.get(f"{TASKS}/{failed}").json()
    for wanted, ids in (
        ({"project": "film"}, [film]),
        ({"state": ["FAILED", "BLOCKED"]}, [failed]),
        ({"processor": "exercise.fail", "since": task["created_at"]}, [failed]),
        ({"plan": task["plan_id"]}, [failed]),
        ({"until": 1e308}, [failed, film]),
    ):
        found = client.get(TASKS, params=wanted).json()["tasks"]
        assert [one["id"] for one in found] == ids, wanted


@pytest.mark.parametrize(
    "wanted",
    [
        {"state": "DONE"},
        {"limit": 0},
        {"limit": 100_000},
        {"since": "nan"},
        {"cursor": "\0"},
        {"project": ""},
        {"owner": "x"},
    ],
)
def test_conditions_that_are_not_valid_are_refused(client: httpx2.Client, wanted: dict[str, Any]) -> None:
    assert client.get(TASKS, params=wanted).status_code == 422


def test_lists_have_nothing_of_others(server: HttpServer, client: httpx2.Client) -> None:
    run(client, project="film", seconds=0)
    other = server.client(server.key())
    for path in (TASKS, PLANS, PROJECTS):
        (items,) = (value for name, value in other.get(path).json().items() if name != "next")
        assert items == []
    assert other.delete(f"{PROJECTS}/film").status_code == other.get(f"{PROJECTS}/film").status_code == 404


def test_a_task_is_deleted_once(client: httpx2.Client) -> None:
    task = run(client, seconds=0)
    assert client.delete(f"{TASKS}/{task}").json() == {"tasks": 1, "files": 0, "bytes": 0}
    assert client.delete(f"{TASKS}/{task}").status_code == 404


def test_the_failed_tasks_of_a_plan_run_again_and_it_is_deleted(client: httpx2.Client) -> None:
    steps = [
        {"id": "a", "processor": "exercise.wait", "params": {"seconds": 0}},
        {"id": "b", "processor": "exercise.fail", "params": {"message": "no"}},
        {"id": "c", "processor": "exercise.wait", "after": ["b"], "params": {"seconds": 0}},
    ]
    headers = {"Prefer": "wait=20"}
    made = client.post(PLANS, json={"plan": {"steps": steps}}, headers=headers)
    (listed,) = client.get(PLANS).json()["plans"]
    assert (listed["id"], listed["state"]) == (made.json()["id"], "FAILED")
    plan = made.headers["location"]
    again = client.post(f"{plan}/retry").json()["tasks"]
    states = {task["id"]: task["step"] for task in made.json()["tasks"]}
    assert {states[task] for task in again} == {"b"}
    follow(client, plan)
    assert client.delete(plan).json()["tasks"] == 3
    assert client.get(plan).status_code == client.delete(plan).status_code == 404
    assert client.get(PLANS).json() == {"plans": [], "next": None}


def test_projects_are_listed_shown_and_deleted(client: httpx2.Client) -> None:
    run(client, project="film", seconds=0)
    run(client, project="song", seconds=0)
    first = client.get(PROJECTS, params={"limit": 1}).json()
    assert first["projects"] == [{"name": "film", "tasks": 1, "media": 0}]
    assert client.get(PROJECTS, params={"cursor": first["next"]}).json()["projects"][0]["name"] == "song"
    assert client.get(f"{PROJECTS}/film").json() == first["projects"][0]
    run(client, project="a/b/../c", seconds=0)
    assert client.delete(f"{PROJECTS}/a%2Fb%2F..%2Fc").json()["tasks"] == 1
    assert client.delete(f"{PROJECTS}/film").json()["tasks"] == 1
    assert client.get(f"{PROJECTS}/film").status_code == 404
