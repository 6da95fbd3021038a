"""The inputs of processors by HTTP: forms, artifacts, outputs of tasks, paths, URLs; what is read is what was allowed."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, Field

import avstudio_server.plugin
from avstudio_core import Artifact, Context, Params, Processor, Result, Studio, hookimpl
from avstudio_core.testing import exercises
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")


class Tone(BaseModel):
    pitch: float = 1.0
    loud: bool = False


class MixParams(Params):
    mask: Artifact | None = Field(default=None, description="A file.")
    others: list[Artifact] = Field(default=[], description="More files.")
    amount: float = Field(default=0.5, le=1, description="How much.")
    count: int | None = Field(default=None, description="How many.")
    loud: bool = Field(default=False, description="Whether it is loud.")
    tags: list[str] = Field(default=[], description="Words.")
    text: str = Field(default="", description="Text.")
    tone: Tone = Field(default=Tone(), description="More of it.")


class MixResult(Result):
    contents: list[str]
    given: dict[str, Any]


class Mix(Processor[MixParams, MixResult]):
    """Tell what is given."""

    name = "test.mix"
    accepts = ("*/*",)
    source_optional = True

    def run(self, source: Artifact | None, params: MixParams, context: Context) -> MixResult:
        files = [source, params.mask, *params.others]
        given = params.model_dump(mode="json", exclude={"mask", "others"})
        return MixResult(contents=[file.path.read_text() if file else "" for file in files], given=given)


class MixLoud(Mix):
    """Tell it loudly."""

    name = "test.mix_loud"


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    plugin = ModuleType("mix")
    plugin.__dict__["register_processors"] = hookimpl(lambda: [Mix, MixLoud])
    return [avstudio_server.plugin, exercises, plugin]


def mixed(server: HttpServer, key: str | None = None, **how: Any) -> dict[str, Any]:
    client = server.client(key or server.key())
    answer = client.post("/api/v1/test/mix", headers={"Prefer": "wait=30"}, **how)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["result"]
    return found


@pytest.mark.parametrize(("field", "hint"), [("sorce", "Did you mean 'source'?"), ("count", "Known: ")])
def test_a_file_in_a_field_that_takes_none_is_told_as_such(server: HttpServer, field: str, hint: str) -> None:
    answer = server.client(server.key()).post("/api/v1/test/mix", files={field: ("a.txt", b"A")})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_params")
    assert answer.json()["detail"] == f"test.mix does not take a file as '{field}'."
    assert hint in answer.json()["hint"]


@pytest.mark.parametrize("path", ["/api/v1/test/mix", "/api/v1/uploads"])
def test_a_form_without_a_boundary_is_told_as_such(server: HttpServer, path: str) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    answer = server.client(server.key()).post(path, content=b"--x--", headers=headers)
    assert answer.status_code in (400, 422)
    assert "The header 'Content-Type' of the form has no boundary." in answer.text


def test_files_come_in_the_fields_of_a_form(server: HttpServer) -> None:
    files = [("source", ("a.txt", b"A")), ("mask", ("b.txt", b"B")), ("others", ("c", b"C")), ("others[]", ("d", b"D"))]
    assert mixed(server, files=files)["contents"] == ["A", "B", "C", "D"]


def test_fields_are_read_by_their_schema(server: HttpServer) -> None:
    fields = {"amount": "0.25", "count": "3", "loud": "true", "tags": ["a", "b"], "text": "12"}
    fields |= {"tone[pitch]": "2", "tone[loud]": "true"}
    given = mixed(server, data=fields, files={"source": ("a", b"A")})["given"]
    tone = {"pitch": 2.0, "loud": True}
    assert given == {"amount": 0.25, "count": 3, "loud": True, "tags": ["a", "b"], "text": "12", "tone": tone}


def test_a_field_has_parameters_as_json(server: HttpServer) -> None:
    fields = {"params": json.dumps({"amount": 0.1, "tags": ["x,y"]}), "count": "2"}
    given = mixed(server, data=fields, files={"source": ("a", b"A")})["given"]
    assert (given["amount"], given["tags"], given["count"]) == (0.1, ["x,y"], 2)


@pytest.mark.parametrize(
    ("fields", "files", "code"),
    [
        ({"amount": "much"}, {}, "invalid_params"),
        ({"amount": "2"}, {}, "invalid_params"),
        ({"amuont": "0.1"}, {}, "invalid_params"),
        ({"amount": ["0.1", "0.2"]}, {}, "invalid_params"),
        ({"tone[pitch]": "high"}, {}, "invalid_params"),
        ({"tone": "{}", "tone[pitch]": "1"}, {}, "invalid_params"),
        ({"tone[": "1"}, {}, "invalid_params"),
        ({"params": "["}, {}, "invalid_input"),
        ({"params": "[]"}, {}, "invalid_input"),
        ({}, {"nothing": ("a", b"A")}, "invalid_params"),
        ({"source": "art_1"}, {}, "not_found"),
        ({"source": "task_1"}, {}, "not_found"),
    ],
)
def test_an_invalid_field_is_a_problem_and_no_file_stays(
    server: HttpServer, fields: dict[str, Any], files: dict[str, Any], code: str
) -> None:
    sent = {"mask": ("b.txt", b"B")} | files
    answer = server.client(server.key()).post("/api/v1/test/mix", data=fields, files=sent)
    assert (answer.status_code in (404, 422), answer.json()["code"]) == (True, code), answer.text
    folders = [server.studio.settings.home / name for name in ("artifacts", "staging")]
    assert [path for folder in folders for path in folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("written", ["object", "text", "alone"])
def test_the_output_of_a_task_is_an_input(server: HttpServer, written: str) -> None:
    key = server.key()
    files = {"source": ("a.txt", b"A")}
    task = server.client(key).post("/api/v1/exercise/copy", files=files, headers={"Prefer": "wait=30"}).json()["id"]
    source: Any = {"object": {"task": task, "output": "copied"}, "text": f"{task}:copied", "alone": task}[written]
    assert mixed(server, key, json={"source": source, "others": [source]})["contents"] == ["A", "", "A"]
    plan = {"plan": "test.mix", "source": f"{task}:copied"}
    assert server.client(key).post("/api/v1/plans?dry_run=true", json=plan).status_code == 200


def test_the_source_that_a_task_shows_is_an_input(server: HttpServer) -> None:
    client = server.client(server.key())
    sent = client.post("/api/v1/exercise/copy", files={"source": ("a.txt", b"A")}).json()
    source = {"artifact": sent["source"]["artifact"]}
    again = client.post("/api/v1/exercise/copy", json={"source": source}, headers={"Prefer": "wait=30"})
    assert (again.status_code, again.json()["source"]) == (200, source)


def test_a_route_has_the_name_of_the_command(server: HttpServer) -> None:
    client = server.client(server.key())
    assert client.post("/api/v1/test/mix-loud", json={}).status_code == 202
    assert client.post("/api/v1/test/mix_loud", json={}).json()["code"] == "no_route"


def test_what_is_not_the_output_of_an_own_task_is_a_problem(server: HttpServer) -> None:
    key = server.key()
    client = server.client(key)
    done = client.post("/api/v1/exercise/copy", files={"source": ("a", b"A")}, headers={"Prefer": "wait=30"}).json()[
        "id"
    ]
    open_ = client.post("/api/v1/exercise/wait", json={"seconds": 60}).json()["id"]
    assert client.post("/api/v1/test/mix", json={"source": f"{done}:copy"}).json()["code"] == "not_found"
    assert client.post("/api/v1/test/mix", json={"source": open_}).json()["code"] == "invalid_input"
    unnamed = client.post("/api/v1/test/mix", json={"source": {"id": done}}).json()
    assert unnamed["detail"] == f'\'{{"id": "{done}"}}\' does not name a file.'
    other = server.client(server.key()).post("/api/v1/test/mix", json={"source": done})
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
    client.post(f"/api/v1/tasks/{open_}/cancel")


def test_a_path_is_refused_unless_its_folder_is_a_root(tmp_path: Path) -> None:
    root, home = tmp_path / "music:x", tmp_path / "home"
    for folder in (root, tmp_path / "music"):
        folder.mkdir()
        (folder / "a.txt").write_text("A")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "music" / "link").symlink_to(tmp_path / "secret.txt")
    plugins: list[ModuleType] = [avstudio_server.plugin, exercises]
    options: dict[str, Any] = {"home": home, "executor": "inline", "plugins": "", "add": plugins}
    scopes = ("read", "run", "files")
    with Studio(**options) as studio, HttpServer(studio) as server:
        for body in ({"source": str(tmp_path / "music" / "a.txt")}, {"source": "-"}, {"source": "pyproject.toml"}):
            assert server.client(server.key(*scopes)).post("/api/v1/exercise/copy", json=body).status_code == 403
        plan = {"plan": "exercise.copy", "source": str(tmp_path / "secret.txt")}
        assert server.client(server.key(*scopes)).post("/api/v1/plans", json=plan).status_code == 403
    with Studio(roots=str(tmp_path / "music"), **options) as studio, HttpServer(studio) as server:
        client = server.client(server.key(*scopes))
        allowed = {"source": str(tmp_path / "music" / "a.txt")}
        assert client.post("/api/v1/exercise/copy", json=allowed).status_code == 202
        for name in ("link", "../secret.txt", "none"):
            body = {"source": str(tmp_path / "music" / name)}
            assert client.post("/api/v1/exercise/copy", json=body).status_code in (403, 422)
        assert server.client(server.key("read", "run")).post("/api/v1/exercise/copy", json=allowed).status_code == 403


def test_the_document_says_how_files_are_sent(server: HttpServer) -> None:
    described = server.client(server.key()).get("/openapi.json").json()
    body = described["paths"]["/api/v1/test/mix"]["post"]["requestBody"]["content"]
    assert body["multipart/form-data"]["schema"]["properties"]["source"]["anyOf"][0]["format"] == "binary"
    assert "task" in body["application/json"]["schema"]["properties"]["mask"]["anyOf"][1]["properties"]
