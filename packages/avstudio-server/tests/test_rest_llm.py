"""Language models by REST: streams, models, costs, routes."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from avstudio_core.testing import scripted, until
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [scripted]


def test_an_answer_arrives_token_by_token(server: HttpServer) -> None:
    client = server.client(server.key("chat"))
    with client.stream("POST", "/api/v1/llm/stream", json={"prompt": "Hello", "require_local": True}) as answer:
        lines = [line.partition(": ")[2] for line in answer.iter_lines() if line.startswith("data")]
    first, *_, last, whole = map(json.loads, lines)
    assert (first["token"], first["done"], last["done"]) == ("Yes.", False, True)
    assert (whole["text"], whole["model"]) == ("Yes.", "scripted/one")


def test_a_request_that_is_not_valid_is_refused_before_the_stream(server: HttpServer) -> None:
    answer = server.client(server.key("chat")).post("/api/v1/llm/stream", json={"prompt": "Hello", "requires": 1})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_key_without_the_scope_cannot_chat(server: HttpServer) -> None:
    for path, body in {"llm/stream": "prompt", "gateway/route": "prompt", "gateway/tokens": "text"}.items():
        answer = server.client(server.key("read")).post(f"/api/v1/{path}", json={body: "Hello"})
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), path


def test_the_route_and_the_cost_are_told(server: HttpServer) -> None:
    client = server.client(server.key("chat", "read"))
    assert client.post("/api/v1/gateway/route", json={"prompt": "Hello"}).json()["chosen"] == "scripted/one"
    assert client.post("/api/v1/gateway/tokens", json={"text": "Hello"}).json()["characters"] == 5
    client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "Hello"}]})
    (line,) = until(lambda: client.get("/api/v1/gateway/cost", params={"by": "model"}).json()["lines"])  # soon after it
    assert (line["name"], line["calls"]) == ("scripted/one", 1)


def test_the_models_are_listed_with_obstacles(server: HttpServer) -> None:
    (model,) = server.client(server.key("chat")).get("/api/v1/llm/models").json()["models"]
    assert (model["model"]["name"], model["obstacle"]) == ("one", None)
