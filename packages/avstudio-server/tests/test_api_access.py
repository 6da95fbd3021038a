"""Every operation of the OpenAPI document, with every way in that must be refused."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from avstudio_core import Studio
from avstudio_core.testing import exercises, scripted
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
PUBLIC = {"/api/v1/system/health/live", "/api/v1/system/health/ready", "/api/v1/system/health"}
WITHOUT_SCOPE = {"/api/v1/system/token"}
"""Operations that any key may use: what they give has no more scopes than the key."""
HOSTS = ("evil.example", "127.0.0.1.evil.example", "localhost", "a/?x=127.0.0.1", "")
ORIGINS = ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example", "file://")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    home = tmp_path_factory.mktemp("access")
    options: dict[str, Any] = {"executor": "inline", "offline": True, "plugins": ""}
    with Studio(home=home, add=[exercises, scripted], **options) as studio, HttpServer(studio, rate=0) as made:
        yield made


@pytest.fixture(scope="module")
def operations(server: HttpServer) -> list[tuple[str, str, dict[str, Any]]]:
    """Each operation: method, path, description."""
    document = server.client(server.key()).get("/openapi.json").json()
    methods = ("get", "put", "post", "delete", "patch", "head")
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in methods
    ]


@pytest.fixture(scope="module")
def theirs(server: HttpServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What another owner has, by the name of the parameter."""
    note = tmp_path_factory.mktemp("theirs") / "note.txt"
    note.write_text("theirs")
    studio = server.studio
    session = studio.session(studio.keys.principal_of(server.key(owner="other")))
    plan = session.submit_plan("exercise.copy | exercise.copy", note)
    results = plan.result(30)
    client = server.client(server.key(owner="other"))
    upload = client.post("/api/v1/uploads", json={"name": "a.txt", "size": 3}).headers.get("location", "/x")
    hook, _ = session.webhooks.create("https://example.com/")
    return {
        "webhook_id": hook.id,
        "task_id": plan.steps["copy"].task_id,
        "plan_id": plan.plan_id,
        "artifact_id": results["copy"].copied.id,
        "upload_id": upload.rpartition("/")[2],
    }


def filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)(:path)?\}", lambda found: ids.get(found[1], "none"), path)


def send(client: httpx2.Client, method: str, path: str, operation: dict[str, Any]) -> httpx2.Response:
    """A request with a body of the right kind, if the operation has one."""
    kinds = operation.get("requestBody", {}).get("content", {})
    if "application/json" in kinds:
        return client.request(
            method, path, json={"plan": "exercise.wait", "messages": [{"role": "user", "content": "x"}]}
        )
    return client.request(method, path, content=b"x" if kinds else None)


def test_nothing_is_answered_without_a_valid_key(
    server: HttpServer, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    keys = server.studio.keys
    revoked, expired = server.key(), server.key(seconds=0.01)
    keys.revoke(next(key for key in keys.all() if revoked.startswith(key.beginning)).id)
    time.sleep(0.02)
    shown: list[dict[str, str]] = [{}, {"Cookie": "avs_browser=x"}]
    shown += [{"Authorization": f"Bearer {key}"} for key in (revoked, expired, "avs_x", "eyJ.eyJ.x")]
    shown += [{"Authorization": "Basic eDp5"}, {"X-API-Key": "x"}]
    with httpx2.Client(base_url=server.address) as client:
        for method, path, operation in operations:
            for number, headers in enumerate(shown):
                if path in PUBLIC:
                    continue
                client.headers = httpx2.Headers({**headers, "X-Forwarded-For": str(number)})
                answer = send(client, method, filled(path, {}), operation)
                assert answer.status_code in (401, 429), (method, path, headers)


def test_a_key_without_scopes_may_do_nothing(
    server: HttpServer, operations: list[tuple[str, str, dict[str, Any]]], theirs: dict[str, str]
) -> None:
    """A key that may only name files of this machine has none of the scopes that routes ask for."""
    client = server.client(server.key("files"))
    allowed = set()
    for method, path, operation in operations:
        if path not in PUBLIC | WITHOUT_SCOPE:
            answer = send(client, method, filled(path, theirs), operation)
            if answer.status_code not in (400, 403, 404, 415, 422):
                allowed.add((method, path, answer.status_code))
    assert allowed == set()


@pytest.mark.parametrize("whose", [{}, {"owner": "other", "project": "film"}], ids=["owner", "project"])
def test_what_others_have_is_unknown(
    server: HttpServer,
    operations: list[tuple[str, str, dict[str, Any]]],
    theirs: dict[str, str],
    whose: dict[str, str],
) -> None:
    """The owner's other projects are to a key with a project what other owners are."""
    client = server.client(server.key(**whose))
    tried = 0
    for method, path, operation in operations:
        named = set(re.findall(r"\{(\w+)", path)) & theirs.keys()
        if named:
            tried += 1
            answer = send(client, method, filled(path, theirs), operation)
            assert answer.status_code in (404, 422), (method, path, answer.text)
            for value in theirs.values():
                assert json.dumps("theirs") not in answer.text
                assert value in filled(path, theirs) or value not in answer.text
    assert tried >= 8


def test_fields_that_only_the_server_sets_are_refused(server: HttpServer) -> None:
    client = server.client(server.key())
    for more in ({"owner": "other"}, {"id": "task_0"}, {"state": "COMPLETED"}, {"key": "key_0"}, {"run_id": "run_0"}):
        assert client.post("/api/v1/exercise/wait", json=more).status_code == 422
        assert client.post("/api/v1/exercise/wait", params=more, json={}).status_code == 422
        assert client.post("/api/v1/plans", json={"plan": "exercise.wait"} | more).status_code == 422


def test_other_names_and_pages_are_refused_before_any_handler(
    server: HttpServer, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    key = server.key()
    wrong = [{"Host": host} for host in HOSTS] + [{"Origin": origin} for origin in ORIGINS]
    wrong += [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site")]
    with httpx2.Client(base_url=server.address) as client:
        for method, path, operation in operations:
            for headers in wrong:
                client.headers = httpx2.Headers({"Authorization": f"Bearer {key}"} | headers)
                answer = send(client, method, filled(path, {}), operation)
                assert answer.status_code in (400, 403, 421), (method, path, headers, answer.status_code)
                assert "access-control-allow-origin" not in answer.headers


def test_every_operation_is_described(operations: list[tuple[str, str, dict[str, Any]]]) -> None:
    for method, path, operation in operations:
        assert operation["description"].startswith(operation["summary"]), (method, path)
        assert operation.get("tags"), (method, path)
        if path.startswith("/api/v1"):
            assert {"4XX", "5XX"} <= operation["responses"].keys(), (method, path)


def test_no_operation_is_undocumented(server: HttpServer, operations: list[tuple[str, str, dict[str, Any]]]) -> None:
    from fastapi.routing import APIRoute

    from avstudio_server.rest.api import PARTS

    described = {(method, path) for method, path, _ in operations}
    for part in PARTS:
        for route in part.router.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods or ():
                plain = re.sub(r":path\}", "}", route.path)
                assert (method, plain) in described or method == "HEAD", (method, plain)
