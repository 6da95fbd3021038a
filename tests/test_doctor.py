"""`avstudio doctor` on a machine without language models: what is not ready, and what to do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine


@pytest.fixture
def avstudio(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, plugins="core,llm")


class Empty(BaseHTTPRequestHandler):
    """An Ollama server without models."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"models": []}')

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def empty() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as serving:
        threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"127.0.0.1:{serving.server_port}"
        serving.shutdown()


def language_models(avstudio: CommandLine) -> dict[str, str]:
    """The backends in the doctor's report, each with its state."""
    done = avstudio("doctor")
    assert done.code == 0
    lines = done.out.partition("Language models:\n")[2].partition("\n\n")[0].splitlines()
    return {name: state.strip() for name, _, state in (line.strip().partition(" ") for line in lines)}


def test_without_a_server_and_models_no_backend_is_ready(avstudio: CommandLine) -> None:
    with socket.socket() as taken:  # bound, but not listening: a connection is refused
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        avstudio.environment["OLLAMA_HOST"] = place
        found = language_models(avstudio)
    assert found["ollama"] == f"Ollama does not answer at '{place}'. Start it: ollama serve"
    assert found["mlx"].startswith(("Backend 'mlx' needs an extra that is not installed.", "it has no models"))
    assert found["openai"].startswith("no key: set it with 'avstudio secrets set OPENAI_API_KEY'")
    assert "ready" not in found.values()


def test_a_server_without_models_is_not_ready(avstudio: CommandLine, empty: str) -> None:
    avstudio.environment["OLLAMA_HOST"] = empty
    assert language_models(avstudio)["ollama"] == "it has no models"
