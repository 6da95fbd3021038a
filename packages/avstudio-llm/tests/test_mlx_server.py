"""The backend `openai` against a real server of its protocol: `mlx_lm server` with SmolLM2-135M-Instruct."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from avstudio_core import Studio
from avstudio_core.chat import ChatRequest, Delta
from avstudio_core.kinds.backend import BackendConfig
from avstudio_core.language_models import Model
from avstudio_llm.backends.openai import OpenAI

PREPARED = (
    Path(os.environ.get("AVSTUDIO_TEST_MODELS", "~/.cache/av-studio-tests")).expanduser() / "SmolLM2-135M-Instruct"
)
MODEL = Model(backend="here", name=str(PREPARED), local=True)

pytestmark = pytest.mark.skipif(
    find_spec("mlx_lm") is None or not (PREPARED / "config.json").is_file(),
    reason="The model is not prepared. Run: nox -s smollm",
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(PREPARED), "--port", str(port)]
    log = tmp_path_factory.mktemp("server") / "log"
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(log.parent)}
    with log.open("wb") as written, subprocess.Popen(command, stdout=written, stderr=written, env=offline) as server:
        try:
            while not answers(f"http://127.0.0.1:{port}/health"):
                assert server.poll() is None, log.read_text(encoding="utf-8")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def backend(url: str, tmp_path: Path) -> Iterator[OpenAI]:
    with Studio(home=tmp_path, plugins="llm", local_only=True) as studio:
        made = OpenAI(BackendConfig(name="here", kind="openai", base_url=url), studio.llm._gateway)
        yield made
        asyncio.run(made.close())


def test_a_chat_is_answered_and_counted(backend: OpenAI) -> None:
    reply = asyncio.run(backend.chat(ChatRequest.of("What is the capital of France?", max_tokens=12), MODEL))
    assert "Paris" in reply.text
    assert reply.finish == "stop"
    assert reply.usage is not None
    assert 20 < reply.usage.input < 60
    assert 5 < reply.usage.output <= 12


def test_a_stream_comes_in_pieces_and_is_cut_where_asked(backend: OpenAI) -> None:
    async def listen() -> list[Delta]:
        request = ChatRequest.of("What is the capital of France?", max_tokens=4, temperature=0.0, seed=1)
        return [delta async for delta in backend.stream(request, MODEL)]

    deltas = asyncio.run(listen())
    assert "".join(delta.text for delta in deltas).strip() == "The capital of France"
    assert len([delta for delta in deltas if delta.text]) > 1
    assert [delta.finish for delta in deltas if delta.finish] == ["length"]
    assert [delta.usage.output for delta in deltas if delta.usage] == [4]
