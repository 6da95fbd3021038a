"""Every query parameter of the OpenAPI document that names something: what is not known is refused in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from avstudio_core import Studio
from avstudio_core.testing import exercises
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
FREE = {
    ("/api/v1/library", "q"),
    ("/api/v1/media", "path"),
    ("/api/v1/presets", "cursor"),
    ("/api/v1/projects", "cursor"),
    ("/api/v1/uploads", "name"),
}
"""Parameters that take any text: words to find, a name after which a page begins, the name of a new file."""
UNKNOWN = {"subjects": "task_0", "owner": "nobody"}
Parameter = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    home = tmp_path_factory.mktemp("names")
    options: dict[str, Any] = {"executor": "inline", "offline": True, "plugins": ""}
    with Studio(home=home, add=[exercises], **options) as studio, HttpServer(studio, rate=0) as server:
        yield server.client(server.key("run", "read", "chat", "admin"))


@pytest.fixture(scope="module")
def parameters(client: httpx2.Client) -> list[Parameter]:
    """Each query parameter: method, path, description."""
    return [
        (method.upper(), path, parameter)
        for path, item in client.get("/openapi.json").json()["paths"].items()
        for method, operation in item.items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    ]


def test_what_is_not_known_is_refused_with_what_was_given_and_a_hint(
    client: httpx2.Client, parameters: list[Parameter]
) -> None:
    tried = set()
    for method, path, parameter in parameters:
        name = parameter["name"]
        if (path, name) in FREE or (name == "project" and method != "GET"):  # it may be a new one
            continue
        tried.add(name)
        given = UNKNOWN.get(name, "nope!")
        others = {one: "x" for at, one in FREE if at == path and one in ("q", "name")}
        answer = client.request(method, path.replace("{", "").replace("}", ""), params={name: given} | others, json={})
        assert answer.status_code in (404, 422), (method, path, name, answer.text)
        problem = answer.json()
        assert given in problem["detail"] or "{" in path, (method, path, name, problem)
        assert problem["hint"], (method, path, name, problem)
    assert {"state", "types", "subjects", "plan", "kind", "webhook", "cursor", "by", "owner"} <= tried


def test_names_of_installed_plugins_are_in_the_document(client: httpx2.Client, parameters: list[Parameter]) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert "task.completed" in schemas["EventTypeName"]["enum"]
    assert "exercise.wait" in schemas["ProcessorName"]["enum"]
    (types,) = (one for _, path, one in parameters if (path, one["name"]) == ("/api/v1/events", "types"))
    assert types["schema"]["anyOf"][0]["items"] == {"$ref": "#/components/schemas/EventTypeName"}


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("tasks", {"processor": "exercise.weit"}),
        ("tasks", {"project": "film"}),
        ("tasks", {"plan": "plan_0"}),
        ("tasks", {"run": "run_0"}),
        ("media", {"project": "film"}),
        ("library", {"q": "x", "kind": "chapter"}),
        ("library", {"q": "x", "processor": "exercise.weit"}),
        ("events", {"plan": "plan_0"}),
        ("events", {"types": "task.complete"}),
    ],
)
def test_a_name_of_the_right_form_that_nothing_has_is_not_found(
    client: httpx2.Client, path: str, given: dict[str, str]
) -> None:
    answer = client.get(f"/api/v1/{path}", params=given)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert [*given.values()][-1] in answer.json()["detail"]


def test_names_that_have_nothing_yet_are_known(client: httpx2.Client) -> None:
    for path, given in (
        ("tasks", {"project": "default", "processor": "exercise.wait"}),
        ("library", {"q": "x", "kind": "speech"}),
    ):
        answer = client.get(f"/api/v1/{path}", params=given)
        assert (answer.status_code, answer.json()["next"]) == (200, None)
