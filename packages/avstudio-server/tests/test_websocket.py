"""Events by WebSocket: replay, filters, ends, clients that stall."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import update

from avstudio_core import Studio
from avstudio_core.reach import ALL
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.tables import tasks
from avstudio_core.tasks.queue import removal, task_events
from avstudio_core.testing import exercises, until
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
client = pytest.importorskip("websockets.sync.client", reason="websockets is not installed")
SENT = 150
"""More messages of 60 KB than the buffers of the system take."""
exceptions = pytest.importorskip("websockets.exceptions")


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [exercises]


def connect(server: HttpServer, path: str, key: str | None, **headers: str) -> Any:
    shown = {"Authorization": f"Bearer {key}"} if key else {}
    address = server.address.replace("http:", "ws:")
    return client.connect(f"{address}/api/v1{path}", additional_headers=shown | headers, proxy=None)


def test_all_events_of_an_owner_arrive_in_order(server: HttpServer) -> None:
    key = server.key()
    with connect(server, "/stream", key) as events:
        server.client(server.key()).post("/api/v1/exercise/wait", json={"seconds": 0})
        task = server.client(key).post("/api/v1/exercise/wait", json={"seconds": 0}).json()["id"]
        seen = [json.loads(events.recv(20))]
        while seen[-1]["type"] != "task.completed":
            seen.append(json.loads(events.recv(20)))
    assert {event["subject"] for event in seen} == {task}
    assert [event["seq"] for event in seen] == sorted({event["seq"] for event in seen})
    assert set(seen[0]) >= {"seq", "time", "subject", "type", "data"}


def test_a_key_of_a_project_gets_only_the_events_of_that_project(server: HttpServer) -> None:
    whole, bound = server.key(owner="anna"), server.key(owner="anna", project="film")
    made = {
        project: server.client(whole).post(f"/api/v1/exercise/wait?project={project}", json={"seconds": 0}).json()["id"]
        for project in ("other", "film")
    }
    with connect(server, "/stream?after=0&types=task.completed", bound) as events:
        assert json.loads(events.recv(20))["subject"] == made["film"]
    with connect(server, f"/tasks/stream/{made['film']}", bound) as events:
        assert {json.loads(text).get("subject") for text in events} == {made["film"], None}
    with pytest.raises(exceptions.InvalidStatus) as refused, connect(server, f"/tasks/stream/{made['other']}", bound):
        pass
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("path", ["/nowhere", "/tasks"])
def test_a_socket_at_an_address_that_has_none_is_a_problem(server: HttpServer, path: str) -> None:
    with pytest.raises(exceptions.InvalidStatus) as refused, connect(server, path, server.key()):
        pass
    answer = refused.value.response
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (json.loads(answer.body)["code"], "/api/v1/stream" in json.loads(answer.body)["hint"]) == ("no_route", True)


@pytest.mark.parametrize(
    ("wanted", "status"), [("plan=nope", 422), ("plan=plan_0", 404), ("types=task.done", 404), ("subjects=task_0", 404)]
)
def test_a_socket_for_events_that_cannot_come_is_refused(server: HttpServer, wanted: str, status: int) -> None:
    with pytest.raises(exceptions.InvalidStatus) as refused, connect(server, f"/stream?{wanted}", server.key()):
        pass
    problem = json.loads(refused.value.response.body)
    assert (refused.value.response.status_code, problem["status"]) == (status, status)
    assert wanted.partition("=")[2] in problem["detail"]
    assert problem["hint"]


@pytest.mark.parametrize("kind", ["socket", "stream"])
def test_no_event_is_missed_from_the_moment_of_the_answer(
    server: HttpServer, studio: Studio, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from avstudio_core.tasks.events import event_log

    newest = event_log.newest

    def late(database: Any) -> int:
        time.sleep(0.3)
        return newest(database)

    monkeypatch.setattr(event_log, "newest", late)
    key = server.key()
    session = studio.session(studio.keys.principal_of(key))
    if kind == "socket":
        with connect(server, "/stream", key) as events:
            session.publish("agent.message", "message_1", {"agent": "a", "message": "Hi", "metadata": {}})
            assert json.loads(events.recv(30))["subject"] == "message_1"
    else:
        with server.client(key).stream("GET", "/api/v1/events") as answer:
            session.publish("agent.message", "message_1", {"agent": "a", "message": "Hi", "metadata": {}})
            assert next(line for line in answer.iter_lines() if line.startswith("event:")) == "event: agent.message"


def test_a_client_continues_after_the_number_that_it_has(server: HttpServer) -> None:
    key = server.key()
    server.client(key).post("/api/v1/exercise/wait", json={"seconds": 0}, headers={"Prefer": "wait=20"})
    with connect(server, "/stream?after=0", key) as events:
        first, second = json.loads(events.recv(20)), json.loads(events.recv(20))
    with connect(server, f"/stream?after={first['seq']}&types=task.completed&types={second['type']}", key) as events:
        assert json.loads(events.recv(20)) == second


def test_the_events_of_a_task_end_with_it(server: HttpServer) -> None:
    key = server.key()
    task = server.client(key).post("/api/v1/exercise/wait", json={"seconds": 0.2}).json()["id"]
    with connect(server, f"/tasks/stream/{task}", key) as events:
        types = [json.loads(text)["type"] for text in events]
    assert (types[0], types[-2:]) == ("task.submitted", ["task.completed", "stream.ended"])
    assert events.close_code == 1000


def test_the_events_of_a_task_end_when_another_studio_deletes_it(
    server: HttpServer, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_events, "DELETED_SECONDS", 0.2)
    key = server.key()
    task = server.client(key).post("/api/v1/exercise/wait", json={"seconds": 60}).json()["id"]
    followed = server.client(key).stream("GET", f"/api/v1/tasks/{task}/events")
    with connect(server, f"/tasks/stream/{task}", key) as events, followed as answer:
        while json.loads(events.recv(20))["type"] != "task.started":
            pass
        lines = answer.iter_lines()
        assert any("task.started" in line for line in lines)
        studio._database.write(partial(end_and_remove, task_id=task))
        assert [json.loads(text)["type"] for text in events][-1:] == ["stream.ended"]
        assert "task.failed" not in "".join(lines)  # it ends, although nobody saw the end of the task


def end_and_remove(transaction: Transaction, task_id: str) -> None:
    """Both at once, so that nobody sees the end."""
    transaction.execute(update(tasks).where(tasks.c.id == task_id).values(state="FAILED"))
    removal._tasks(transaction, [task_id], ALL)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/tasks/stream/task_0", {}, 404),
        ("/stream?after=x", {}, 422),
        ("/stream", {"Origin": "https://evil.example"}, 403),
        ("/stream", {"Host": "evil.example"}, 421),
        ("/stream?owner=other", {}, 403),
    ],
)
def test_a_socket_is_refused_before_it_opens(
    server: HttpServer, path: str, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(exceptions.InvalidStatus) as refused, connect(server, path, server.key(), **headers):
        pass
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["request_id"] == refused.value.response.headers["X-Request-Id"]


def test_without_agents_the_socket_of_their_work_says_what_to_install(server: HttpServer) -> None:
    with pytest.raises(exceptions.InvalidStatus) as refused, connect(server, "/agents/stream/x", server.key()):
        pass
    answer = refused.value.response
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert "avstudio-agents" in json.loads(answer.body)["hint"]
    with pytest.raises(exceptions.InvalidStatus) as unread, connect(server, "/agents/stream/x", server.key("run")):
        pass
    assert unread.value.response.status_code == 403


def test_a_socket_without_a_key_is_refused(server: HttpServer, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(exceptions.InvalidStatus) as refused, connect(server, "/stream", None):
        pass
    assert refused.value.response.status_code == 401
    assert "handshake" not in caplog.text


def test_a_server_that_stops_says_so(studio: Studio) -> None:
    with HttpServer(studio, grace=30) as server:
        key = server.key()
        followed = server.client(key).stream("GET", "/api/v1/events")
        with connect(server, "/stream", key) as events, followed as answer:
            server.stop()
            assert json.loads(events.recv(20))["type"] == "stream.closing"
            assert "event: stream.closing" in answer.read().decode()
            with pytest.raises(exceptions.ConnectionClosed):
                events.recv(20)
        assert events.close_code in (1001, 1012)


def test_a_client_that_does_not_read_is_cut_off(
    server: HttpServer, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from avstudio_server.http import streams
    from avstudio_server.websocket import follower

    monkeypatch.setattr(follower, "STALLED_SECONDS", 0.5)
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.1)
    key = server.key()
    session = studio.session(studio.keys.principal_of(key))
    with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**17)
        stalled.sendall(upgrade(server, "/api/v1/stream", key))
        assert stalled.recv(12) == b"HTTP/1.1 101"
        text = {"agent": "loud", "message": "x" * 60_000, "metadata": {}}
        for _ in range(SENT):
            session.publish("agent.message", "message_1", text)
        until(lambda: studio._queue._hub._all() == [])  # its stream of events was closed
        with contextlib.suppress(ConnectionResetError):
            assert sum(map(len, iter(lambda: stalled.recv(65536), b""))) < SENT * 60_000


def upgrade(server: HttpServer, path: str, key: str) -> bytes:
    """The request for a WebSocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {server.address.partition('//')[2]}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Authorization: Bearer {key}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()
