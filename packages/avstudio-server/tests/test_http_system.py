"""The server itself: its access log, health, capabilities and metrics."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import avstudio_server.plugin
from avstudio_core import StorageError, Studio
from avstudio_core.testing import exercises, scripted
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
SYSTEM = "/api/v1/system"


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [avstudio_server.plugin, exercises, scripted]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_the_access_log_has_a_line_for_each_request_without_secrets(
    studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    with HttpServer(studio, access_log=True) as server:
        key = server.key()
        client = server.client(key)
        shown = client.get("/api/v1/tasks/task_0?secret=canary")
        client.get(f"/api/v1/{key}%0A%7B")
    first, second = lines(capsys.readouterr().err)
    assert (first["method"], first["path"], first["status"]) == ("GET", "/api/v1/tasks/task_0", 422)
    assert (first["route"], first["request_id"]) == ("/api/v1/tasks/{task_id}", shown.headers["x-request-id"])
    assert (first["key"], first["address"]) == (studio.keys.all()[0].id, "127.0.0.1")
    assert (second["route"], second["path"]) == (None, "/api/v1/…\n{")
    assert key not in str((first, second)) and "canary" not in str((first, second))  # noqa: PT018


def test_without_the_option_nothing_is_logged(server: HttpServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.client(server.key()).get("/api/v1/tasks")
    assert lines(capsys.readouterr().err) == []


def test_anybody_learns_whether_the_server_is_ready_and_nothing_else(server: HttpServer) -> None:
    client = server.client()
    assert client.get(f"{SYSTEM}/health/live").json() == {"status": "ok"}
    answer = client.get(f"{SYSTEM}/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert client.get(f"{SYSTEM}/health").status_code == 401


def test_a_key_learns_the_state_of_each_component(server: HttpServer) -> None:
    found = server.client(server.key("read")).get(f"{SYSTEM}/health").json()
    assert {name: one["ok"] for name, one in found["components"].items()} == dict.fromkeys(
        ("database", "disk", "workers", "models", "packages"), True
    )


def test_a_server_that_cannot_store_anything_is_not_ready(
    server: HttpServer, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Studio, "outage", StorageError("The disk is full."))
    answer = server.client(server.key()).get(f"{SYSTEM}/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert "full" in answer.json()["components"]["database"]["problem"]
    assert server.client().get(f"{SYSTEM}/health/ready").status_code == 503


def test_capabilities_have_what_forms_and_planners_need(server: HttpServer, studio: Studio) -> None:
    client = server.client(server.key("read"))
    answer = client.get(f"{SYSTEM}/capabilities")
    found = answer.json()
    assert found["processors"]["exercise.wait"]["arguments"]["properties"]["seconds"]
    assert "task.completed" in found["event_types"]
    assert found["limits"]["upload_bytes"] == studio.settings.upload_mb << 20
    assert "serve" in found["interfaces"]
    assert str(studio.settings.home) not in answer.text
    again = client.get(f"{SYSTEM}/capabilities", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_without_agents_their_routes_say_what_to_install(server: HttpServer) -> None:
    client = server.client(server.key())
    for answer in (client.post("/api/v1/agents/task", json={"request": "Sing!"}), client.get("/api/v1/agents/task/x")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert "avstudio-agents" in answer.json()["hint"]


def test_every_route_is_in_the_document(server: HttpServer) -> None:
    from fastapi.routing import APIRoute

    from avstudio_server.http.addresses import addresses
    from avstudio_server.http.guard import Entrance
    from avstudio_server.http.rate_limits import RateLimits
    from avstudio_server.http.tokens import tokens
    from avstudio_server.serve.application import routes as all_routes

    studio, entrance = server.studio, Entrance(addresses("127.0.0.1", 1, "http", [], []), RateLimits(0))
    app = all_routes(studio, tokens(studio), entrance)
    described = {(method.upper(), path) for path, item in app.openapi()["paths"].items() for method in item}
    routes = {
        (method, route.path) for route in app.routes if isinstance(route, APIRoute) for method in route.methods or ()
    }
    assert {(method, path.replace(":path}", "}")) for method, path in routes} - described == {("GET", "/login")}


def figures(server: HttpServer) -> dict[tuple[str, ...], float]:
    """The metrics by name and values of labels."""
    from prometheus_client.parser import text_string_to_metric_families

    text = server.client(server.key("admin")).get(f"{SYSTEM}/metrics").text
    return {
        (one.name, *sorted(one.labels.values())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_metrics_tell_what_language_models_did(
    server: HttpServer, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = server.client(server.key())
    question = {"messages": [{"role": "user", "content": "Hello"}]}
    client.post("/v1/chat/completions", json=question)
    client.post("/v1/chat/completions", json=question | {"stream": True})
    studio.ledger.set_budget("global", "day", 1_000_000)  # written after the calls
    found = figures(server)
    assert (found["avs_llm_requests_total", "ok", "scripted/one"], found["avs_budget_used_ratio", "day", "global"]) == (
        2,
        0,
    )
    assert found["avs_llm_first_token_seconds_count", "scripted/one"] == 1
    assert found["avs_llm_first_token_seconds_bucket", "+Inf", "scripted/one"] == 1
    assert 0 < found["avs_llm_first_token_seconds_sum", "scripted/one"] < 10
    assert found["avs_llm_tokens_total", "output", "scripted/one"] > 0
    described = Path(__file__).parents[3].joinpath("docs/howto/serve.md").read_text()
    families = {name[0].removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in found}
    assert {name for name in families if f"`{name}`" not in described} == set()
    monkeypatch.setattr("avstudio_server.rest.metrics.MOST_NAMES", 0)
    assert figures(server)["avs_llm_requests_total", "ok", "other"] == 2


def test_metrics_are_for_administrators_and_have_no_ids(server: HttpServer, studio: Studio) -> None:
    client = server.client(server.key())
    for kind in ("wait", "fail"):
        client.post(f"/api/v1/exercise/{kind}", json={}, headers={"Prefer": "wait=20"})
    client.get("/api/v1/tasks/task_0")
    assert client.get(f"{SYSTEM}/metrics").status_code == 403
    text = server.client(server.key("admin")).get(f"{SYSTEM}/metrics").text
    found = figures(server)
    assert found["avs_task_duration_seconds_count", "completed", "exercise.wait"] == 1
    assert found["avs_task_duration_seconds_count", "exercise.fail", "failed"] == 1
    assert found["avs_tasks", "FAILED", "exercise.fail"] == 1
    assert found["avs_http_request_duration_seconds_count", "/api/v1/tasks/{task_id}", "404", "GET"] == 1
    assert "task_0" not in text and studio.keys.all()[0].id not in text  # noqa: PT018
