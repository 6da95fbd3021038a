"""Webhooks: signed, in order, at least once, over restarts; and none in this machine or its networks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

import avstudio_server.plugin
from avstudio_core import Studio
from avstudio_core.testing import exercises, until
from avstudio_server.testing.http_server import HttpServer
from avstudio_server.testing.server_process import ServerProcess

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
HOOKS, WAIT, PLANS = "/api/v1/webhooks", "/api/v1/exercise/wait", "/api/v1/plans"
FAST = {"webhook_hosts": "127.0.0.1", "webhook_pause": 0.05, "webhook_attempts": 3, "webhook_seconds": 20.0}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        status, headers, seconds = receiver.answers.pop(0) if receiver.answers else (receiver.usual, {}, 0.0)
        receiver.got.append((dict(self.headers.items()), body, status, time.monotonic()))
        time.sleep(seconds)
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


class Receiver:
    """A server that remembers what it gets, and answers as it is set."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes, int, float]] = []
        self.answers: list[tuple[int, dict[str, str], float]] = []
        self.usual = 200
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.receiver = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def taken(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body, status, _ in self.got if status == 200]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [avstudio_server.plugin, exercises]


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[HttpServer]:
    """A server; a test may give it more settings."""
    settings: dict[str, Any] = {"executor": "inline", "plugins": "", **FAST, **getattr(request, "param", {})}
    with Studio(home=tmp_path, add=[exercises], **settings) as studio, HttpServer(studio) as made:
        yield made


def hooked(client: httpx2.Client, receiver: Receiver, **more: Any) -> dict[str, Any]:
    answer = client.post(HOOKS, json={"url": receiver.url, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def worked(client: httpx2.Client, seconds: float = 0, **query: str) -> str:
    answer = client.post(WAIT, json={"seconds": seconds}, params=query)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_the_end_of_a_task_is_sent_and_signed(server: HttpServer, receiver: Receiver) -> None:
    client = server.client(server.key())
    secret = hooked(client, receiver)["secret"]
    task = worked(client)
    until(receiver.taken)
    headers, body, *_ = receiver.got[0]
    assert (json.loads(body)["type"], json.loads(body)["subject"]) == ("task.completed", task)
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{signature}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60


@pytest.mark.parametrize("server", [{"webhook_seconds": 1.0, "webhook_attempts": 20}], indirect=True)
def test_events_come_in_order_and_again_after_failures(server: HttpServer, receiver: Receiver) -> None:
    client = server.client(server.key())
    hooked(client, receiver)
    receiver.answers = [(500, {}, 0.0), (200, {}, 0.0), (200, {}, 2.0), (302, {"Location": "/x"}, 0.0)]
    for _ in range(5):
        worked(client)
    until(lambda: len({event["seq"] for event in receiver.taken()}) == 5)
    seqs = [json.loads(body)["seq"] for _, body, *_ in receiver.got]
    assert seqs == sorted(seqs)
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]


def test_retry_after_is_honoured(server: HttpServer, receiver: Receiver) -> None:
    client = server.client(server.key())
    hooked(client, receiver)
    receiver.answers = [(503, {"Retry-After": "2"}, 0.0)]
    worked(client)
    until(receiver.taken)
    assert receiver.got[1][3] - receiver.got[0][3] >= 1.9


def test_what_is_not_taken_is_listed_and_replayed(server: HttpServer, receiver: Receiver) -> None:
    client = server.client(server.key())
    hook = f"{HOOKS}/{hooked(client, receiver)['webhook']['id']}"
    receiver.usual = 500
    task = worked(client)
    until(lambda: client.get(f"{hook}/failures").json()["failures"])
    (failure,) = client.get(f"{hook}/failures").json()["failures"]
    assert (failure["attempts"], failure["reason"]) == (3, "It answered with 500.")
    receiver.usual = 200
    assert client.post(f"{hook}/replay").status_code == 202
    until(receiver.taken)
    assert receiver.taken()[0]["subject"] == task
    until(lambda: not client.get(f"{hook}/failures").json()["failures"])


def test_a_webhook_that_is_gone_is_switched_off(server: HttpServer, receiver: Receiver) -> None:
    client = server.client(server.key())
    hook = f"{HOOKS}/{hooked(client, receiver)['webhook']['id']}"
    receiver.usual = 410
    worked(client)
    until(lambda: not client.get(hook).json()["active"])
    worked(client)
    time.sleep(0.6)
    assert len(receiver.got) == 1


def test_a_request_names_the_webhook_that_is_told_of_it(server: HttpServer, receiver: Receiver) -> None:
    client = server.client(server.key())
    hook = hooked(client, receiver, on_request=True)["webhook"]["id"]
    worked(client)
    named = [worked(client, webhook=hook)]
    plan = client.post(PLANS, json={"plan": "exercise.wait seconds=0"}, params={"webhook": hook})
    named.append(plan.json()["tasks"][0]["id"])
    until(lambda: len(receiver.taken()) == 2)
    assert {event["subject"] for event in receiver.taken()} == {*named}
    other = server.client(server.key(owner="other"))
    assert other.post(WAIT, json={"seconds": 0}, params={"webhook": hook}).status_code == 404


def test_an_owner_hears_only_of_its_own_work(server: HttpServer, receiver: Receiver) -> None:
    client, other = server.client(server.key()), server.client(server.key(owner="other"))
    hook = f"{HOOKS}/{hooked(client, receiver)['webhook']['id']}"
    worked(other)
    task = worked(client)
    until(receiver.taken)
    assert [event["subject"] for event in receiver.taken()] == [task]
    assert other.get(HOOKS).json() == {"webhooks": []}
    assert {other.get(hook).status_code, other.delete(hook).status_code} == {404}
    assert client.delete(hook).status_code == 204
    assert client.get(hook).status_code == 404


def test_a_secret_is_shown_once(server: HttpServer, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    client = server.client(server.key())
    given = "whsec_" + base64.b64encode(b"s" * 32).decode()
    made = hooked(client, receiver, secret=given)
    assert made["secret"] == given
    receiver.answers = [(500, {}, 0.0)]
    worked(client)
    until(receiver.taken)
    hook = f"{HOOKS}/{made['webhook']['id']}"
    shown = [client.get(path).text for path in (HOOKS, hook, f"{hook}/failures")]
    assert given not in "".join([*shown, caplog.text, *(body.decode() for _, body, *_ in receiver.got)])
    wrong = client.post(HOOKS, json={"url": receiver.url, "secret": "whsec_canary"})
    assert (wrong.status_code, "canary" in wrong.text) == (422, False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:7f00:1]"])
def test_private_addresses_are_refused(studio: Studio, host: str) -> None:
    with HttpServer(studio) as server:
        answer = server.client(server.key()).post(HOOKS, json={"url": f"http://{host}/x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "egress_refused")


@pytest.mark.parametrize(
    "given",
    [
        {"types": ["task.wrong"]},
        {"types": []},
        {"plan": "plan_0"},
        {"subjects": ["task_0"]},
        {"url": "ftp://127.0.0.1"},
        {"more": 1},
    ],
)
def test_webhooks_that_are_not_valid_are_refused(server: HttpServer, receiver: Receiver, given: Any) -> None:
    answer = server.client(server.key()).post(HOOKS, json={"url": receiver.url, **given})
    assert answer.status_code in (404, 422)


def test_a_killed_server_loses_nothing(tmp_path: Path, receiver: Receiver) -> None:
    with Studio(home=tmp_path, plugins="") as studio:
        key = studio.keys.create("test", owner="me")[1]
    headers, receiver.usual, settings = {"Authorization": f"Bearer {key}"}, 500, {**FAST, "webhook_attempts": 1000}
    with (
        ServerProcess(tmp_path, **settings) as server,
        httpx2.Client(base_url=server.address, headers=headers) as client,
    ):
        hooked(client, receiver)
        tasks = [worked(client) for _ in range(3)]
        until(lambda: receiver.got)
    receiver.usual = 200
    with ServerProcess(tmp_path, **settings):
        until(lambda: len({event["seq"] for event in receiver.taken()}) == 3)
    assert {event["subject"] for event in receiver.taken()} == set(tasks)


def test_one_of_two_servers_sends(tmp_path: Path, receiver: Receiver) -> None:
    with Studio(home=tmp_path, plugins="") as studio:
        key = studio.keys.create("test", owner="me")[1]
    headers = {"Authorization": f"Bearer {key}"}
    with (
        ServerProcess(tmp_path, **FAST) as first,
        ServerProcess(tmp_path, **FAST) as second,
        httpx2.Client(base_url=second.address, headers=headers) as client,
    ):
        hooked(client, receiver)
        worked(client)
        until(receiver.taken)
        time.sleep(1)
        assert len(receiver.taken()) == 1
        first.kill()
        worked(client)
        until(lambda: len(receiver.taken()) == 2)


def test_what_an_owner_has_goes_with_it(server: HttpServer, receiver: Receiver) -> None:
    hooked(server.client(server.key(owner="other")), receiver)
    server.studio.administration.delete_owner("other")
    again = server.client(server.key(owner="other"))  # the key has gone, too
    assert again.get(HOOKS).json() == {"webhooks": []}
