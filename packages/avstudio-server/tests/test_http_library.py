"""A search of the library by HTTP and by command."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import avstudio_server.plugin
from avstudio_core.testing import exercises
from avstudio_server.testing.command_line import CommandLine
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
LIBRARY = "/api/v1/library"


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [avstudio_server.plugin, exercises]


def test_words_are_found_on_pages_with_highlights(server: HttpServer) -> None:
    client = server.client(server.key())
    for name in ("Café noir.wav", "cafe.wav", "tea.wav"):
        assert client.put("/api/v1/uploads", params={"name": name}, content=name.encode()).is_success
    first = client.get(LIBRARY, params={"q": "CAFÉ", "limit": 1}).json()
    second = client.get(LIBRARY, params={"q": "CAFÉ", "limit": 1, "cursor": first["next"]}).json()
    hits = [*first["hits"], *second["hits"]]
    assert [(hit["snippet"], hit["highlights"]) for hit in hits] == [
        ("cafe.wav", [[0, 4]]),
        ("Café noir.wav", [[0, 4]]),
    ]
    assert second["next"] is None
    assert client.get(LIBRARY, params={"q": "cafe", "kind": "speech"}).json()["hits"] == []
    other = server.client(server.key("read", owner="somebody"))
    assert other.get(LIBRARY, params={"q": "cafe"}).json() == {"hits": [], "next": None}
    wrong: list[dict[str, str | int]] = [
        {"q": "*"},
        {"q": "x" * 1001},
        {},
        {"q": "a", "cursor": "b"},
        {"q": "a", "limit": 0},
    ]
    for wanted in wrong:
        answer = client.get(LIBRARY, params=wanted)
        assert (400 <= answer.status_code < 500, "code" in answer.json()) == (True, True), wanted
    assert server.client().get(LIBRARY, params={"q": "cafe"}).status_code == 401


def test_the_command_shows_words_with_their_files(avstudio: CommandLine, note: Path) -> None:
    avstudio("text", "shout", note)
    (hit,) = avstudio("search", note.stem, "--json").json
    assert (hit["kind"], hit["name"]) == ("name", note.name)
    assert note.name in avstudio("search", note.stem.upper()).out
    assert avstudio("search", "nothing like it").out == "Nothing was found.\n"
    assert avstudio("search", "*").code == 2
