"""Problem documents: however much is wrong with a request, its answer is short."""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

import pytest
from pydantic import Field, field_validator

from avstudio_core import Context, Params, Processor, Result, hookimpl
from avstudio_core.errors import InvalidInput
from avstudio_core.spans import checked_spans
from avstudio_core.testing import exercises
from avstudio_server.http.problems import problem_of
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
MANY = 3000
UNKNOWN = {f"k{number}": number for number in range(MANY)}


class MarkParams(Params):
    at: list[str] = Field(default=[], description="Spans of time.")

    @field_validator("at")
    @classmethod
    def _spans(cls, value: list[str]) -> list[str]:
        return checked_spans(value)


class Mark(Processor[MarkParams, Result]):
    """Mark spans of time."""

    name: ClassVar[str] = "exercise.mark"

    def run(self, source: Any, params: MarkParams, context: Context) -> Result:
        return Result()


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    return [Mark]


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    marks: Any = ModuleType("marks")
    marks.register_processors = register_processors
    return [exercises, marks]


def test_a_value_that_a_validator_refuses_is_answered_with_its_hint(server: HttpServer) -> None:
    answer = server.client(server.key()).post("/api/v1/exercise/mark", json={"at": ["1:90-"]})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "exercise.mark: 'at' is not valid: '1:90-' is not a span of time."
    assert "at most 59 after a colon" in answer.json()["hint"]


def test_thousands_of_errors_are_a_short_answer(server: HttpServer) -> None:
    client = server.client(server.key())
    bodies: dict[str, Any] = {
        "/api/v1/exercise/wait": UNKNOWN,
        "/api/v1/webhooks": {"url": "https://example.com/", **UNKNOWN},
        "/api/v1/agents/task": {"request": "x", "k" * 100_000: 1},
        "/api/v1/uploads": UNKNOWN,
        "/api/v1/plans": {"plan": {"steps": [], **UNKNOWN}},
        "/v1/embeddings": {"model": "x", "input": [{}] * MANY},
    }
    for path, body in bodies.items():
        answer = client.post(path, json=body)
        assert answer.status_code in (400, 422), path
        assert len(answer.content) < 12_000, path
    assert f"and {MANY - 20} more" in client.post("/api/v1/webhooks", json=bodies["/api/v1/webhooks"]).json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/plans", "GET, HEAD, POST"),
        ("POST", "/api/v1/artifacts/art_0", "DELETE, GET, HEAD"),
        ("GET", "/api/v1/exercise/wait", "POST"),
        ("DELETE", "/v1/models/auto", "GET, HEAD"),
        ("POST", "/login", "GET"),
    ],
)
def test_a_method_that_an_address_does_not_have_is_answered_with_all_that_it_has(
    server: HttpServer, method: str, path: str, allowed: str
) -> None:
    answer = server.client(server.key()).request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert f"'{method}'" in answer.text
    assert f"It has: {allowed}." in answer.text


def test_an_address_that_does_not_exist_is_named_with_where_all_are(server: HttpServer) -> None:
    told = server.client(server.key()).get("/api/v1/tasks/").json()
    assert [told["code"], told["detail"], told["hint"]] == [
        "no_route",
        "'/api/v1/tasks/' is not an address of this server.",
        "The document '/openapi.json' has all addresses.",
    ]


def test_a_long_message_of_an_error_is_shortened() -> None:
    told = problem_of(InvalidInput("x" * 10_000, hint="y" * 10_000), "request_1")
    assert [len(told["detail"]), told["detail"][-1], len(told["hint"])] == [4_000, "…", 4_000]


def test_a_secret_is_not_repeated(server: HttpServer) -> None:
    secret = "whsec_" + "x" * 300
    answer = server.client(server.key()).post("/api/v1/webhooks", json={"url": "https://a.example/", "secret": secret})
    assert answer.status_code == 422
    assert "whsec_xx" not in answer.text
