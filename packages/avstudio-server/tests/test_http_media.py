"""The files that were given, deleting, and what players show of an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

import pytest
from pydantic import Field

import avstudio_server.plugin
from avstudio_core import Artifact, Context, Params, Processor, Result, hookimpl
from avstudio_core.testing import exercises
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")

PEAKS = "application/vnd.avstudio.peaks"


class NoParams(Params):
    """No parameters."""


class Made(Result):
    waveform: Artifact = Field(description="The peaks.", json_schema_extra={"view": "hidden"})


class Peaks(Processor[NoParams, Made]):
    """Make the peaks of a sound."""

    name = "test.peaks"
    accepts = ("audio/*",)
    runs = 0

    def outputs(self, params: NoParams) -> Mapping[str, str]:
        return {"waveform": PEAKS}

    def run(self, source: Artifact, params: NoParams, context: Context) -> Made:
        Peaks.runs += 1
        path = context.new_path("peaks")
        path.write_bytes(b"peaks")
        return Made(waveform=context.publish(path, source.name_for(".peaks"), PEAKS))


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    plugin = ModuleType("peaks")
    plugin.__dict__["register_processors"] = hookimpl(lambda: [Peaks])
    return [avstudio_server.plugin, exercises, plugin]


def given(server: HttpServer, key: str, name: str) -> str:
    answer = server.client(key).put("/api/v1/uploads", params={"name": name}, content=name.encode())
    return str(answer.json()["id"])


def test_files_are_listed_page_by_page(server: HttpServer) -> None:
    key = server.key()
    client = server.client(key)
    ids = [given(server, key, f"{number}.txt") for number in range(3)]
    given(server, server.key(), "other.txt")
    first = client.get("/api/v1/media?limit=2").json()
    rest = client.get("/api/v1/media", params={"limit": 2, "cursor": first["next"]}).json()
    found = [one["artifact"]["id"] for one in first["media"] + rest["media"]]
    assert (found, rest["next"]) == (ids[::-1], None)
    named = client.get("/api/v1/media", params={"path": "1.txt"}).json()["media"]
    assert [one["artifact"]["id"] for one in named] == [ids[1]]
    shown = client.get(f"/api/v1/media/{ids[0]}")
    assert (shown.json()["path"], "etag" in shown.headers) == ("0.txt", True)


@pytest.mark.parametrize("noun", ["media", "artifacts"])
def test_a_file_is_deleted(server: HttpServer, noun: str) -> None:
    key = server.key()
    place = f"/api/v1/{noun}/{given(server, key, 'a.txt')}"
    assert server.client(server.key()).delete(place).status_code == 404
    assert server.client(server.key("read", owner="test")).delete(place).status_code in (403, 404)
    assert server.client(key).delete(place).json() == {"tasks": 0, "files": 1, "bytes": 5}
    assert server.client(key).get(place).status_code == 404


@pytest.mark.parametrize("noun", ["media", "artifacts"])
def test_only_what_was_seen_is_deleted(server: HttpServer, noun: str) -> None:
    key = server.key()
    client, place = server.client(key), f"/api/v1/{noun}/{given(server, key, 'a.txt')}"
    tag = client.get(place).headers["etag"]
    for other in ('"other"', f"W/{tag}"):
        refused = client.delete(place, params={"dry_run": True}, headers={"If-Match": other})
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
        assert client.get(place, headers={"If-Match": other}).status_code == 412
    cancel = client.post("/api/v1/tasks/task_0/cancel", headers={"If-Match": tag})
    assert cancel.status_code == 412
    assert client.delete(place, headers={"If-Match": f'"other", {tag}'}).json()["files"] == 1
    assert client.delete(place, headers={"If-Match": "*"}).status_code == 404


def test_a_file_is_kept_and_given_by_name(server: HttpServer) -> None:
    key = server.key()
    client, place = server.client(key), "/api/v1/presets/my voice"
    assert client.put(place, json={"source": given(server, key, "chain.txt")}).json()["name"] == "my voice"
    plan = {"plan": {"steps": [{"id": "copy", "processor": "exercise.copy"}]}, "source": "preset:my voice"}
    assert client.post("/api/v1/plans", json=plan).status_code == 202
    assert [one["name"] for one in client.get("/api/v1/presets").json()["presets"]] == ["my voice"]
    assert server.client(server.key()).get(place).status_code == 404
    assert client.get(place).json()["artifact"]["name"] == "my voice.txt"
    assert client.put(place, json={"source": "/etc/passwd"}).status_code == 403


def test_a_file_that_a_task_needs_is_not_deleted(server: HttpServer) -> None:
    key = server.key()
    client, source = server.client(key), given(server, key, "a.txt")
    waiting = client.post("/api/v1/exercise/wait", json={"seconds": 60}).json()["id"]
    plan = {"plan": {"steps": [{"id": "copy", "processor": "exercise.copy"}]}, "source": source}
    others = [client.post("/api/v1/exercise/wait", json={"seconds": 60}).json()["id"] for _ in range(3)]
    copying = client.post("/api/v1/plans", json=plan).json()["id"]
    assert client.delete(f"/api/v1/artifacts/{source}").status_code == 409
    client.post(f"/api/v1/plans/{copying}/cancel")
    for task in (waiting, *others):
        client.post(f"/api/v1/tasks/{task}/cancel")


def test_the_peaks_of_a_sound_are_made_once(server: HttpServer) -> None:
    key = server.key()
    place = f"/api/v1/artifacts/{given(server, key, 'a.wav')}/peaks"
    before = Peaks.runs
    answers = [server.client(key).get(place) for _ in range(3)]
    assert [answer.content for answer in answers] == [b"peaks"] * 3, answers[0].text
    assert answers[0].headers["content-type"] == PEAKS
    assert Peaks.runs == before + 1
    assert server.client(server.key()).get(place).status_code == 404


@pytest.mark.parametrize(("name", "view"), [("a.txt", "peaks"), ("a.wav", "thumbnail")])
def test_what_no_plugin_makes_is_a_problem(server: HttpServer, name: str, view: str) -> None:
    key = server.key()
    answer = server.client(key).get(f"/api/v1/artifacts/{given(server, key, name)}/{view}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "Install a plugin" in answer.json()["hint"]


def test_what_a_route_would_ignore_is_refused_before_it_deletes_anything(server: HttpServer) -> None:
    client = server.client(server.key())
    made = client.put("/api/v1/uploads", params={"name": "a.txt"}, content=b"a").json()["id"]
    refused = client.delete(f"/api/v1/media/{made}", params={"dryrun": "true"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_params")
    assert "'dryrun' is not a parameter" in refused.json()["detail"]
    told = client.delete(f"/api/v1/media/{made}", params={"dry_run": "true"})
    assert (told.status_code, told.json()["files"]) == (200, 1)
    assert client.get(f"/api/v1/media/{made}").status_code == 200
    assert client.delete("/api/v1/projects/default", params={"dry_run": True}).json()["files"] == 1
    assert client.delete(f"/api/v1/media/{made}").json() == told.json()
