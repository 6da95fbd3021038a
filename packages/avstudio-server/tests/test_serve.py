"""The HTTP server: the contract of interfaces, who may come in, and how it answers."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import threading
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import avstudio_server.plugin
from avstudio_core import Studio
from avstudio_core.errors import InvalidInput
from avstudio_core.testing import InterfaceContract, exercises
from avstudio_server.serve.interface import Serve
from avstudio_server.serve.options import ServeOptions
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")


class TestServe(InterfaceContract):
    plugin = avstudio_server.plugin
    interface = Serve

    @pytest.fixture
    def given(self) -> dict[str, Any]:
        return {"port": 0, "grace": 0}


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [avstudio_server.plugin, exercises]


def test_a_processor_of_a_plugin_is_a_route(server: HttpServer) -> None:
    answer = server.client(server.key()).post(
        "/api/v1/exercise/wait", json={"seconds": 0}, headers={"Prefer": "wait=20"}
    )
    assert (answer.status_code, answer.json()["state"]) == (200, "COMPLETED")
    assert answer.headers["location"] == f"/api/v1/tasks/{answer.json()['id']}"


def test_a_task_is_shown_with_a_tag(server: HttpServer) -> None:
    client = server.client(server.key())
    made = client.post("/api/v1/exercise/wait", json={"seconds": 0}, headers={"Prefer": "wait=20"})
    shown = client.get(made.headers["location"])
    assert client.get(made.headers["location"], headers={"If-None-Match": shown.headers["etag"]}).status_code == 304


def test_an_invalid_parameter_is_a_problem(server: HttpServer) -> None:
    answer = server.client(server.key()).post("/api/v1/exercise/wait", json={"second": 0})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == "invalid_params"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_field_that_is_missing_or_wrong_is_named_in_plain_words(server: HttpServer) -> None:
    client = server.client(server.key())
    assert client.post("/api/v1/webhooks", json={}).json()["detail"] == "'body.url' is missing"
    answer = client.post("/api/v1/plans", json={"plan": [1]})
    assert answer.json()["detail"] == "'body.plan' is '[1]': should be text or an object"
    answer = client.get("/api/v1/tasks", params={"limit": "many"})
    assert answer.json()["detail"] == "'query.limit' is 'many': should be a whole number"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer avs_nonsense"}, {"Authorization": "Basic eDp5"}])
def test_without_a_valid_key_nothing_is_answered(server: HttpServer, headers: dict[str, str]) -> None:
    answer = server.client(**headers).get("/api/v1/tasks/x")
    assert (answer.status_code, answer.json()["code"]) == (401, "key_refused")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_sites_are_refused(server: HttpServer, headers: dict[str, str]) -> None:
    answer = server.client(server.key(), **headers).get("/api/v1/tasks/x")
    assert (answer.status_code in (403, 421), answer.json()["code"]) == (True, "wrong_address")
    assert "when the server is started" in answer.json()["hint"]


def test_an_owner_does_not_see_the_tasks_of_another(server: HttpServer) -> None:
    task = server.client(server.key()).post("/api/v1/exercise/wait", json={"seconds": 0}).headers["location"]
    assert server.client(server.key()).get(task).status_code == 404


def test_the_document_describes_the_processor(server: HttpServer) -> None:
    described = server.client(server.key()).get("/openapi.json").json()
    body = described["paths"]["/api/v1/exercise/wait"]["post"]["requestBody"]
    assert "seconds" in body["content"]["application/json"]["schema"]["properties"]


def test_the_events_of_a_task_are_a_stream_that_can_be_continued(server: HttpServer) -> None:
    client = server.client(server.key())
    task = client.post("/api/v1/exercise/wait", json={"seconds": 0}).headers["location"]
    with client.stream("GET", f"{task}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line.startswith(("id:", "event:"))]
    assert (
        lines[1::2] == ["event: task.submitted", "event: task.started", "event: task.completed"]
        or "event: task.completed" in lines
    )
    last = [line for line in lines if line.startswith("id:")][-2].removeprefix("id: ")
    with client.stream("GET", f"{task}/events", headers={"Last-Event-ID": last}) as answer:
        assert [line for line in answer.iter_lines() if line.startswith("event:")] == ["event: task.completed"]


def test_a_plan_is_checked_submitted_and_shown(server: HttpServer) -> None:
    client = server.client(server.key())
    first = {"id": "a", "processor": "exercise.wait", "params": {"seconds": 0}}
    plan = {"plan": {"steps": [first, first | {"id": "b", "after": ["a"]}]}}
    dry = client.post("/api/v1/plans?dry_run=true", json=plan).json()
    assert [step["processor"] for step in dry["steps"]] == ["exercise.wait", "exercise.wait"]
    made = client.post("/api/v1/plans", json=plan, headers={"Prefer": "wait=20"})
    assert (made.status_code, made.json()["state"]) == (200, "COMPLETED")
    assert client.get(made.headers["location"]).json() == made.json()


def test_a_plan_with_an_error_is_marked(server: HttpServer) -> None:
    answer = server.client(server.key()).post("/api/v1/plans", json={"plan": "exercise.wait | exercise.wrong"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_plan")
    assert "^" in answer.json()["detail"]


def test_head_has_the_headers_of_get_and_no_body(server: HttpServer) -> None:
    client = server.client(server.key())
    task = client.post("/api/v1/exercise/wait", json={"seconds": 0}, headers={"Prefer": "wait=20"}).json()["id"]
    for path in (f"/api/v1/tasks/{task}", "/api/v1/tasks", "/api/v1/system/health/live", "/openapi.json", "/v1/models"):
        head, whole = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b""), path
        for name in ("content-type", "content-length", "etag"):
            assert head.headers.get(name) == whole.headers.get(name), (path, name)
    assert client.head("/api/v1/events").headers["content-type"].startswith("text/event-stream")
    assert [client.head(f"/api/v1/tasks{end}").status_code for end in ("?state=x", "/task_0")] == [422, 404]
    assert client.head("/api/v1/exercise/wait").status_code == 405


def test_a_dry_run_of_a_processor_runs_nothing(server: HttpServer, studio: Studio) -> None:
    answer = server.client(server.key()).post("/api/v1/exercise/wait?dry_run=true&priority=3", json={"seconds": 1})
    assert answer.json()["steps"][0]["params"]["seconds"] == 1
    assert studio.tasks.find() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"certificate": "here.pem"}, "TLS needs a certificate and its private key"),
        ({"certificate": "no.pem", "private_key": "here.pem"}, "no.pem' is not a file"),
        ({"certificate": "here.pem", "private_key": "here.pem"}, "TLS cannot use"),
        ({"host": "0.0.0.0"}, "Without an API key, the server does not listen on '0.0.0.0'"),
        ({"name": ["http://x"]}, "'http://x' is not the name of a server"),
        ({"name": [""]}, "'' is not the name of a server"),
        ({"name": ["a b"]}, "'a b' is not the name of a server"),
        ({"origin": ["*"]}, "'*' is not the origin of a page"),
        ({"origin": ["https://a/b"]}, "'https://a/b' is not the origin of a page"),
        ({"rate_storage": "nowhere://"}, "Rate limits cannot be stored in 'nowhere://'"),
    ],
)
def test_options_that_cannot_work_are_refused_at_the_start(
    studio: Studio, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    (tmp_path / "here.pem").write_text("no certificate")
    files = {name: tmp_path / options[name] for name in ("certificate", "private_key") if name in options}
    with pytest.raises(InvalidInput, match=re.escape(message)):
        Serve().serve(studio, ServeOptions.model_validate({"port": 0} | options | files), threading.Event())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes the certificate, is not installed")
def test_the_server_speaks_tls(studio: Studio, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    made = [*make, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with HttpServer(studio, certificate=certificate, private_key=key) as server:
        trust = ssl.create_default_context(cafile=certificate)
        with urllib.request.urlopen(f"{server.address}/api/v1/system/health/live", context=trust) as answer:
            assert answer.status == 200
