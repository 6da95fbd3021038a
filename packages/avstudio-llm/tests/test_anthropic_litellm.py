"""Anthropic's library against a real server of the Messages protocol that is not ours: LiteLLM's proxy.

The proxy needs an environment of its own and translates to Chat Completions, which `ModelServer` speaks:
`nox -s litellm`.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import avstudio_llm
from avstudio_core.chat import ChatRequest, Image, Message, Reply, Text, ToolCall, Usage
from avstudio_core.errors import Unsupported
from avstudio_core.kinds.backend import Backend, BackendConfig
from avstudio_core.language_models import Can, Model
from avstudio_core.studio import Studio
from avstudio_core.testing import BackendContract, ModelServer, Sent
from avstudio_core.testing.backend_contract import Witness, heard, question, with_tool
from avstudio_core.testing.model_server import Heard

pytest.importorskip("anthropic")

from avstudio_llm.backends.anthropic import Anthropic
from avstudio_llm.testing import ChatCompletions

LITELLM = os.environ.get("AVSTUDIO_LITELLM")
KEY = f"sk-{secrets.token_hex(16)}"
CONFIG = """
model_list: [{{model_name: small, litellm_params: {{model: hosted_vllm/small, api_base: "{url}/v1", api_key: none}}}}]
general_settings: {{master_key: {key}}}
"""

pytestmark = pytest.mark.skipif(not LITELLM, reason="LiteLLM's proxy is not prepared. Run: nox -s litellm")


@pytest.fixture(scope="module")
def upstream() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def proxy(upstream: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the proxy; it says on which port it listens."""
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "config.yaml").write_text(CONFIG.format(url=upstream.url, key=KEY), encoding="utf-8")
    port = _free_port()
    command = [
        str(LITELLM),
        "--config",
        "config.yaml",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--telemetry",
        "False",
    ]
    environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(process, port, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


class TestThroughLiteLLM(BackendContract):
    plugin = avstudio_llm
    backend = Anthropic
    dialect = ChatCompletions()

    @pytest.fixture
    def config(self, proxy: str, upstream: ModelServer) -> BackendConfig:
        upstream.say(self.obeying, at="/chat/completions")
        return BackendConfig(name="mine", kind="anthropic", base_url=proxy, key_variable="MY_KEY")

    @pytest.fixture
    def witness(self, studio: Studio) -> Witness:
        witness = Witness(studio)
        witness.secrets["MY_KEY"] = KEY
        return witness

    def obeying(self, request: Heard) -> Sent:
        """A model that counts what it reads, calls a tool that it may call, and stops where it is told to."""
        data = request.data
        usage = Usage(input=len(json.dumps(data["messages"])), output=7)
        stops = data.get("stop") or ["!"]
        stop = stops if isinstance(stops, str) else stops[0]
        reply = Reply(text="Good morning to you.".partition(stop)[0], usage=usage)
        if (tools := data.get("tools")) and data.get("tool_choice") != "none":
            call = ToolCall(id="call_1", name=tools[0]["function"]["name"])
            reply = Reply(tool_calls=(call,), finish="tool_calls", usage=usage)
        streamed, whole = Sent.events(self.dialect.streamed(reply)), self.dialect.whole(reply)
        return streamed if self.dialect.wants_stream(request) else whole

    def will_say(self, upstream: ModelServer, reply: Reply) -> None:
        streamed, whole = Sent.events(self.dialect.streamed(reply)), self.dialect.whole(reply)
        upstream.say(lambda request: streamed if self.dialect.wants_stream(request) else whole, at="/chat/completions")

    def test_words_and_counts_come_through(self, upstream: ModelServer, made: Backend, model: Model) -> None:
        self.will_say(upstream, Reply(text="Good morning to you.", usage=Usage(input=11, output=7)))
        reply = self.during(made, lambda: made.chat(question(), model))
        assert (reply.text, reply.finish, reply.usage) == ("Good morning to you.", "stop", Usage(input=11, output=7))

    def test_a_tool_is_called(self, upstream: ModelServer, made: Backend, model: Model) -> None:
        call = ToolCall(id="call_1", name="cut", arguments={"at": [1.5, 2], "deep": {"a": "ü"}})
        self.will_say(upstream, Reply(tool_calls=(call,), finish="tool_calls", usage=Usage(input=1, output=1)))
        deltas = self.during(made, lambda: heard(made.stream(with_tool(), model)))
        assert [(one.name, one.arguments) for one in deltas[-1].tool_calls] == [(call.name, call.arguments)]
        assert deltas[-1].finish == "tool_calls"

    def test_a_whole_conversation_is_understood(self, upstream: ModelServer, made: Backend, model: Model) -> None:
        turns = (
            Message(role="system", content="Be kind."),
            Message(role="user", content=(Text(text="Look."), Image(media_type="image/png", data="aGk="))),
            Message(role="assistant", tool_calls=(ToolCall(id="call_1", name="cut", arguments={"at": [1]}),)),
            Message(role="tool", tool_call_id="call_1", content="Done."),
        )
        schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
        request = ChatRequest(messages=turns, tools=with_tool().tools, answer_schema=schema, max_tokens=50)
        able = model.model_copy(update={"can": Can(tools=True, vision=True, json_schema=True, sampling=False)})
        self.during(made, lambda: made.chat(request, able))
        data: Any = upstream.heard[-1].data
        assert [message["role"] for message in data["messages"]] == ["system", "user", "assistant", "tool"]
        assert data["messages"][1]["content"][1]["image_url"]["url"] == "data:image/png;base64,aGk="
        assert data["messages"][3] == {"role": "tool", "tool_call_id": "call_1", "content": "Done."}
        declared = data["tools"][0]["function"]["parameters"]["properties"]
        assert declared["at"] == {"type": "array", "items": {"anyOf": [{"type": "number"}]}}
        assert declared["deep"]["properties"] == {"a": {"type": "string", "default": "x"}}
        assert data["response_format"]["json_schema"]["schema"]["required"] == ["a"]

    def test_an_unknown_model(self, made: Backend, model: Model) -> None:
        with pytest.raises(Unsupported, match=r"has no model 'smal'.*Did you mean 'small'\?"):
            self.during(made, lambda: made.chat(question(), model.model_copy(update={"name": "smal"})))


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    import time
    from urllib.error import URLError
    from urllib.request import urlopen

    for _ in range(600):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text(encoding="utf-8"))
