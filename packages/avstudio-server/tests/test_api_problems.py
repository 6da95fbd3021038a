"""Problem documents: however much is wrong with a request, its answer is short."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from avstudio_core.errors import InvalidInput
from avstudio_core.testing import exercises
from avstudio_server.http.problems import problem_of
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
MANY = 3000
UNKNOWN = {f"k{number}": number for number in range(MANY)}


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [exercises]


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


def test_a_long_message_of_an_error_is_shortened() -> None:
    told = problem_of(InvalidInput("x" * 10_000, hint="y" * 10_000), "request_1")
    assert [len(told["detail"]), told["detail"][-1], len(told["hint"])] == [4_000, "…", 4_000]


def test_a_secret_is_not_repeated(server: HttpServer) -> None:
    secret = "whsec_" + "x" * 300
    answer = server.client(server.key()).post("/api/v1/webhooks", json={"url": "https://a.example/", "secret": secret})
    assert answer.status_code == 422
    assert "whsec_xx" not in answer.text
