"""What other interfaces mount into the server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
PLUGIN = """
from avstudio_core import Interface, Mount, Options, hookimpl

async def hello(scope, receive, send):
    session = scope["state"]["session"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    below = scope["path"].removeprefix(scope["root_path"])
    await send({"type": "http.response.body", "body": f"{session.principal.owner} {below}".encode()})

class Hello(Interface[Options]):
    "Say hello."
    name = "hello"
    def serve(self, studio, options, stop): ...
    def mount(self, studio):
        return Mount("/hello", hello)

class Broken(Interface[Options]):
    "Raise."
    name = "broken"
    def serve(self, studio, options, stop): ...
    def mount(self, studio):
        raise SystemExit("broken")

@hookimpl
def register_interfaces():
    return [Broken, Hello]
"""


@pytest.fixture
def studio_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ModuleType]]:
    (tmp_path / "mounting.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    import mounting  # type: ignore[import-not-found]

    yield [mounting]
    del sys.modules["mounting"]


def test_an_interface_mounts_its_routes_behind_the_guard(studio: Studio) -> None:
    with HttpServer(studio) as server:
        assert server.client().get("/hello").status_code == 401
        for below in ("", "/", "/more"):
            assert server.client(server.key(owner="anna")).get(f"/hello{below}").text == f"anna {below}"
        assert server.client(server.key(owner="anna"), Host="evil.example").get("/hello").status_code == 421
