"""Planted keys are nowhere but where they were planted, whatever real commands print and leave.

`packages/avstudio-core/tests/test_canary.py` plants them in the library, with a backend that quotes its key.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from avstudio_core.testing.model_server import Heard, ModelServer, Sent
from avstudio_server.testing.command_line import CommandLine, Outcome

PLANTED = {name: f"sk-canary-{name}-7f3a9c51d2e8" for name in ("environment", "file", "settings")}
"""A key by where it is: a variable, the file of secrets, and a header in `models.toml`."""
MODELS = """
[backends.environment]
kind = "openai"
base_url = "{url}/v1"
key_variable = "ENVIRONMENT_KEY"

[backends.file]
kind = "openai"
base_url = "{url}/v1"
key_variable = "FILE_KEY"
headers = {{ "x-more" = "Bearer $FILE_KEY" }}

[backends.settings]
kind = "openai"
base_url = "{url}/v1"
headers = {{ "Authorization" = "Bearer {key}" }}
"""
HOLDERS = ("secrets.json", "models.toml")


def refused(request: Heard) -> Sent:
    """A server that quotes the key in its error, as some do."""
    shown = f"Incorrect API key provided: {request.headers.get('authorization')}, {request.headers.get('x-more')}."
    return Sent.data({"error": {"message": shown, "code": shown}}, 401)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        server.say(Sent.data({"data": [{"id": "small"}]}), at="/models")
        server.say(refused, at="/chat/completions")
        yield server


@pytest.fixture
def avstudio(tmp_path: Path, server: ModelServer) -> CommandLine:
    command = CommandLine(tmp_path, plugins="core,llm,server")
    command.environment |= {"ENVIRONMENT_KEY": PLANTED["environment"], "AVSTUDIO_SECRET_STORE": "file"}
    command.home.mkdir()
    (command.home / "models.toml").write_text(MODELS.format(url=server.url, key=PLANTED["settings"]))
    assert command("secrets", "set", "FILE_KEY", stdin=PLANTED["file"]).code == 0
    return command


def held(text: str) -> list[str]:
    """The places whose key a text has."""
    return [place for place, key in PLANTED.items() if key in text]


def traces(folder: Path) -> dict[str, list[str]]:
    """The files below a folder that have a key, but for those where it was planted."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in HOLDERS]
    return {str(file): found for file in files if (found := held(file.read_bytes().decode(errors="replace")))}


def commands(avstudio: CommandLine, note: Path) -> Iterator[Outcome]:
    """What a user does with servers that refuse the key."""
    for place in PLANTED:
        ask = ("llm", "chat", "Hello", "--model", f"{place}/small")
        yield avstudio(*ask)
        yield avstudio(*ask, "--debug")
        yield avstudio(*ask, "--json")
        yield avstudio("pipe", f"llm.summarize model={place}/small", note, "--debug")
        yield avstudio("llm", "route", "Hello", "--model", f"{place}/small", "--json")
    yield avstudio("llm", "embed", note, "--model", "file/other", "--json")
    failed = avstudio("tasks", "list", "--json")
    yield failed
    for task in failed.json:
        yield avstudio("tasks", "show", task["id"], "--json")
        yield avstudio("tasks", "show", task["id"], "--debug")
    for words in ("llm models", "doctor", "secrets list", "plugins", "plans list", "cost", "storage", "keys list"):
        yield avstudio(*words.split(), "--json")
        yield avstudio(*words.split(), "--debug")


def test_no_command_prints_or_leaves_a_key(avstudio: CommandLine, server: ModelServer, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("Nobody came.")
    done = [*commands(avstudio, note)]
    assert [one for one in done if held(one.out + one.err)] == []
    assert len([one for one in done if one.code == 0]) >= 20
    assert traces(tmp_path) == {}
    sent = {place for request in server.heard for place in held(str(request.headers))}
    assert sent == set(PLANTED), "every key was sent"


def command_lines() -> list[str]:
    """The command lines of all processes; some end while they are read."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_text(errors="replace"))
    return lines


def test_a_command_that_waits_shows_no_key_to_other_users(avstudio: CommandLine, server: ModelServer) -> None:
    server.say(Sent.events(["hang"]), at="/chat/completions")
    with avstudio.start("llm", "chat", "Hello", "--model", "file/small") as waiting:
        while not any("/chat/" in request.path for request in server.heard):
            assert waiting.poll() is None
            time.sleep(0.02)
        lines = command_lines()
        left = traces(avstudio.folder)  # with the write-ahead log of a database that is open
        waiting.kill()
    assert [line for line in lines if held(line)] == []
    assert left == {}
