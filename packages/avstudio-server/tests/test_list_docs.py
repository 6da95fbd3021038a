"""The page on lists: it has every list with its filters, and its programs run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import avstudio_server.plugin
from avstudio_core.testing import exercises
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
PAGE = (Path(__file__).parents[3] / "docs" / "howto" / "lists.md").read_text(encoding="utf-8")


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [avstudio_server.plugin, exercises]


def test_the_page_has_every_list_with_its_filters(server: HttpServer) -> None:
    paths = server.client(server.key()).get("/openapi.json").json()["paths"]
    found = {}
    for path, item in paths.items():
        names = {one["name"] for one in item.get("get", {}).get("parameters", []) if one["in"] == "query"}
        if "cursor" in names:
            found[path] = names - {"cursor", "limit"}
    rows = re.findall(r"^\| `(/\S+)` \| [^|]+ \|(.*)\|$", PAGE, re.MULTILINE)
    assert {path: set(re.findall(r"`(\w+)`", filters)) for path, filters in rows} == found


def test_the_programs_of_the_page_run(server: HttpServer) -> None:
    key = server.key()
    for _ in range(3):
        server.client(key).post("/api/v1/exercise/wait", json={}, headers={"Prefer": "wait=20"})
    environment = os.environ | {"STUDIO": server.address, "KEY": key}
    programs = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    said = [
        subprocess.run([sys.executable, "-c", one], env=environment, capture_output=True, text=True, check=True).stdout
        for one in programs
    ]
    assert said == ["3 tasks have ended\n", "304\n"]


def test_a_filter_that_does_not_exist_is_refused(server: HttpServer) -> None:
    client = server.client(server.key())
    statuses = {path: client.get(f"/api/v1/{path}&colour=red").status_code for path in ("tasks?limit=1", "library?q=a")}
    assert statuses == {"tasks?limit=1": 422, "library?q=a": 422}
