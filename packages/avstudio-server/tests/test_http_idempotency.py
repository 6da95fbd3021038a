"""`Idempotency-Key`: a request that is sent again is not done again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

import avstudio_server.plugin
from avstudio_core import Studio
from avstudio_core.testing import exercises
from avstudio_server.testing.http_server import HttpServer
from avstudio_server.testing.server_process import ServerProcess

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
WAIT, COPY, PLANS = "/api/v1/exercise/wait", "/api/v1/exercise/copy", "/api/v1/plans"
UPLOADS = "/api/v1/uploads"


@pytest.fixture
def studio_plugins(monkeypatch: pytest.MonkeyPatch) -> list[ModuleType]:
    monkeypatch.setenv("AVSTUDIO_WEBHOOK_HOSTS", "127.0.0.1")
    return [avstudio_server.plugin, exercises]


def keyed(key: str = "one") -> dict[str, str]:
    return {"Idempotency-Key": key}


def test_the_same_request_with_the_same_key_is_the_same_task(server: HttpServer, studio: Studio) -> None:
    client = server.client(server.key())
    first = client.post(WAIT, json={"seconds": 0}, headers=keyed())
    again = client.post(WAIT, json={"seconds": 0}, headers=keyed() | {"Prefer": "wait=20"})
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(studio.tasks.find()) == 1


def test_twenty_requests_at_once_are_one_task(server: HttpServer, studio: Studio) -> None:
    client = server.client(server.key())
    with ThreadPoolExecutor(20) as pool:
        made = [*pool.map(lambda _: client.post(WAIT, json={"seconds": 0}, headers=keyed()), range(20))]
    assert {answer.status_code for answer in made} == {202}
    assert len({answer.json()["id"] for answer in made}) == len(studio.tasks.find()) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in made) == 1


@pytest.mark.parametrize("how", [{"json": {"seconds": 0.5}}, {"json": {"seconds": 0}, "params": {"priority": 1}}])
def test_another_request_with_the_same_key_is_refused(server: HttpServer, how: dict[str, Any]) -> None:
    client = server.client(server.key())
    client.post(WAIT, json={"seconds": 0}, headers=keyed())
    answer = client.post(WAIT, headers=keyed(), **how)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_params")


def test_a_key_holds_for_one_owner_and_one_route(server: HttpServer, studio: Studio) -> None:
    client = server.client(server.key())
    tasks = [
        client.post(WAIT, json={"seconds": 0}, headers=keyed()).json()["id"],
        server.client(server.key(owner="other")).post(WAIT, json={"seconds": 0}, headers=keyed()).json()["id"],
        client.post(PLANS, json={"plan": "exercise.wait seconds=0"}, headers=keyed()).json()["tasks"][0]["id"],
    ]
    assert len(set(tasks)) == len(studio.tasks.find()) == 3


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\u00e9"])
def test_a_key_that_is_not_valid_is_a_bad_request(server: HttpServer, studio: Studio, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    answer = server.client(server.key()).post(WAIT, json={"seconds": 0}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert studio.tasks.find() == []


def test_a_form_with_the_same_files_is_the_same_request(server: HttpServer, studio: Studio) -> None:
    client = server.client(server.key())
    made = [client.post(COPY, files={"source": ("a.txt", b"A")}, headers=keyed()) for _ in range(2)]
    assert len({answer.json()["id"] for answer in made}) == 1
    assert client.post(COPY, files={"source": ("a.txt", b"B")}, headers=keyed()).status_code == 422
    client.post(COPY, files={"source": ("a.txt", b"A")}, headers=keyed() | {"Prefer": "wait=20"})
    assert len([file for file in studio.media.page().items if file.path == "a.txt"]) == 1


@pytest.mark.parametrize("path", ["exercise/wait", "plans", "uploads"])
def test_a_key_that_was_used_for_another_request_is_named_as_it_was_sent(server: HttpServer, path: str) -> None:
    bodies: dict[str, list[Any]] = {
        "exercise/wait": [{"seconds": 0}, {"seconds": 1}],
        "plans": [{"plan": "exercise.wait seconds=0"}, {"plan": "exercise.wait"}],
        "uploads": [{"name": "a", "size": 1}, {"name": "b", "size": 1}],
    }
    client = server.client(server.key())
    first, other = (client.post(f"/api/v1/{path}", json=body, headers=keyed("mine")) for body in bodies[path])
    assert (first.status_code, other.status_code) in ((202, 422), (201, 422)), first.text
    assert other.json()["detail"] == "The Idempotency-Key 'mine' was used for another request."


def test_a_plan_is_submitted_once(server: HttpServer, studio: Studio) -> None:
    client = server.client(server.key())
    plan = {"plan": "exercise.wait seconds=0"}
    made = [client.post(PLANS, json=plan, headers=keyed()) for _ in range(2)]
    assert made[0].json()["id"] == made[1].json()["id"]
    assert client.post(PLANS, json=plan, headers=keyed("two")).json()["id"] != made[0].json()["id"]


def test_a_request_that_was_refused_may_be_sent_again(server: HttpServer) -> None:
    client = server.client(server.key())
    assert client.post(WAIT, json={"seconds": "x"}, headers=keyed()).status_code == 422
    assert client.post(WAIT, json={"seconds": 0}, headers=keyed()).status_code == 202


def test_a_key_is_known_after_a_restart(tmp_path: Path) -> None:
    made = set()
    for _ in range(2):
        with Studio(home=tmp_path, add=[exercises], executor="inline", plugins="") as studio:
            key = studio.keys.create("test", owner="me")[1]
            with HttpServer(studio) as server:
                made.add(server.client(key).post(WAIT, json={"seconds": 0}, headers=keyed()).json()["id"])
    assert len(made) == 1


def test_a_request_whose_server_is_killed_may_be_sent_again(tmp_path: Path) -> None:
    with Studio(home=tmp_path, plugins="") as studio:
        key = studio.keys.create("test", owner="me")[1]
    headers, made = keyed() | {"Authorization": f"Bearer {key}"}, []
    for _ in range(2):
        with ServerProcess(tmp_path) as server:
            made.append(httpx2.post(f"{server.address}{WAIT}", json={"seconds": 0}, headers=headers))
    assert made[0].json()["id"] == made[1].json()["id"]
    assert made[1].headers["idempotency-replayed"] == "true"


HOOK: dict[str, Any] = {"json": {"url": "http://127.0.0.1:9/hook"}}
FILE: dict[str, Any] = {"params": {"name": "a.txt"}, "content": b"a"}
MADE: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("PUT", UPLOADS, FILE, FILE | {"content": b"b"}),
    ("POST", UPLOADS, FILE, FILE | {"params": {"name": "b.txt"}}),
    ("POST", UPLOADS, {"files": {"file": ("a.txt", b"a")}}, {"files": {"file": ("a.txt", b"b")}}),
    ("POST", UPLOADS, {"json": {"name": "a", "size": 5}}, {"json": {"name": "a", "size": 6}}),
    ("POST", "/api/v1/webhooks", HOOK, {"json": HOOK["json"] | {"types": ["task.failed"]}}),
]


@pytest.mark.parametrize(("method", "path", "given", "other"), MADE)
def test_what_a_request_makes_is_made_once(
    server: HttpServer, studio: Studio, method: str, path: str, given: dict[str, Any], other: dict[str, Any]
) -> None:
    key = server.key()
    client = server.client(key)
    with ThreadPoolExecutor(4) as pool:
        made = [*pool.map(lambda _: client.request(method, path, headers=keyed(), **given), range(4))]
    assert {answer.status_code for answer in made} == {201}, made[0].text
    assert len({answer.text for answer in made}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in made) == 1
    refused = client.request(method, path, headers=keyed(), **other)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_params")
    session = studio.session(studio.keys.principal_of(key))
    assert len([*session.media.page().items, *session.webhooks.all()]) == (
        "json" not in given or "url" in given["json"]
    )
    assert client.request(method, path, headers=keyed("two"), **given).text != made[0].text


def test_the_document_describes_the_key(server: HttpServer) -> None:
    paths = server.client(server.key()).get("/openapi.json").json()["paths"]
    for path in (WAIT, PLANS, UPLOADS, "/api/v1/webhooks"):
        named = [one["name"] for one in paths[path]["post"]["parameters"]]
        assert "Idempotency-Key" in named
