"""With `local_only`, nothing leaves this machine: every command runs with all its socket calls recorded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from avstudio_core.egress import is_loopback
from avstudio_core.testing import media
from avstudio_server.testing.command_line import CommandLine
from avstudio_server.testing.fork_server import ForkServer

pytest.importorskip("avstudio_llm", reason="avstudio-llm is not installed")

NOTING = """
import json, os, sys
LOOK_UPS, SENDS = ("socket.getaddrinfo", "socket.gethostbyname"), ("socket.connect", "socket.sendto")
def note(event, given):
    if event in LOOK_UPS + SENDS:
        place = given[0] if event in LOOK_UPS else given[-1]
        host = place[0] if isinstance(place, tuple) else place
        host = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
        with open(os.environ["NOTED"], "a") as noted:
            noted.write(json.dumps(host) + "\\n")
sys.addaudithook(note)
"""


class Machine(CommandLine):
    """Commands with a data folder of their own, and the files that have their socket calls."""

    noted: tuple[Path, ...] = ()

    def serve_models(self, url: str) -> None:
        """Make `near/m` a model at that address."""
        self.home.mkdir()
        section = f'[backends.near]\nkind = "openai"\nbase_url = "{url}"\n'
        (self.home / "models.toml").write_text(section + '[models."near/m"]\nquality = 0.5\n', encoding="utf-8")

    def reached(self) -> list[str]:
        """The hosts that any process looked up or connected to; files of this machine are none."""
        lines = "".join(noted.read_text() for noted in self.noted if noted.exists()).splitlines()
        hosts = map(json.loads, lines)
        return [host for host in hosts if not host.startswith("/") and host != "None"]


@pytest.fixture(scope="module")
def noting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ForkServer]]:
    """A folder with what Python runs first, and a server that Python started so: its commands are noted, too."""
    folder = tmp_path_factory.mktemp("noting")
    (folder / "sitecustomize.py").write_text(NOTING, encoding="utf-8")
    server = ForkServer(PYTHONPATH=str(folder), NOTED=str(folder / "noted"))
    yield folder, server
    server.close()


@pytest.fixture
def machine(tmp_path: Path, noting: tuple[Path, ForkServer]) -> Machine:
    folder, server = noting
    machine = Machine(tmp_path, [folder], server=server)
    machine.noted = folder / "noted", tmp_path / "noted"
    machine.environment |= {"NOTED": str(tmp_path / "noted"), "AVSTUDIO_WORKER_VARIABLES": "NOTED"}
    machine.environment |= {"AVSTUDIO_LOCAL_ONLY": "1", "OLLAMA_HOST": "127.0.0.1:9"}
    machine.environment |= dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "sk-none")
    return machine


class Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "Here."}
        body = json.dumps(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": "m",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as serving:
        threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/v1"
        serving.shutdown()


def test_no_command_leaves_the_machine(machine: Machine, server: str) -> None:
    """Each command comes as far as it would go out: none ends in an error of usage."""
    machine.serve_models(server)
    song = media.tone(machine.folder / "song.wav", seconds=1.0)
    text = machine.folder / "talk.txt"
    text.write_text("A talk about nothing.", encoding="utf-8")
    done, missing, refused = 0, 3, 8
    for words, status in (
        ("doctor", done),
        ("models list", done),
        ("models pull whisper-tiny", missing),
        ("llm models", done),
        ("llm route Hello --json", done),
        ("llm chat Hello --model near/m", done),
        (f"llm summarize {text} --model near/m --output {machine.folder / 'out'}", done),
        ("llm chat Hello --model openai/gpt-5.5", refused),
        ("llm chat Hello --model anthropic/claude-opus-5-5", refused),
        ("llm chat Hello --model google/gemini-3.8-flash", refused),
        (f"audio probe {song}", done),
        ("cost", done),
    ):
        ended = machine(*words.split())
        assert ended.code == status, f"{words}: {ended.err}"
    assert [host for host in machine.reached() if not is_loopback(host)] == []


def test_a_cloud_model_is_refused_with_the_reason(machine: Machine) -> None:
    refused = machine("llm", "chat", "Hello", "--model", "openai/gpt-5.5")
    assert refused.code == 8
    assert "the setting 'local_only' is on" in refused.err


def test_what_is_noted_would_show_a_connection(machine: Machine, server: str) -> None:
    machine.serve_models(server)
    assert machine("llm", "chat", "Hello", "--model", "near/m").code == 0
    assert "127.0.0.1" in machine.reached()


def test_without_the_setting_the_same_command_would_go_out(machine: Machine) -> None:
    machine.environment["AVSTUDIO_LOCAL_ONLY"] = "0"
    machine.serve_models("http://models.test/v1")  # a name that is reserved, and nobody's
    machine("llm", "chat", "Hello", "--model", "near/m", "--allow-unpriced")
    assert "models.test" in machine.reached()
