"""The backend `ollama` passes the contract of backends with a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import avstudio_llm
from avstudio_core.chat import Reply, Usage
from avstudio_core.errors import InvalidInput
from avstudio_core.kinds.backend import Backend
from avstudio_core.language_models import Can, Model
from avstudio_core.testing import Dialect, HttpBackendContract, Sent
from avstudio_core.testing.backend_contract import question, with_tool
from avstudio_core.testing.model_server import ModelServer
from avstudio_llm.backends.ollama.backend import Ollama


class NativeLines(Dialect):
    version = ""
    chat_at = "/api/chat"
    models_at = "/api/tags"
    embed_at = "/api/embed"

    def models(self, *names: str) -> Sent:
        return Sent.data({"models": [{"name": name, "model": name, "size": 10, "digest": name} for name in names]})

    def streamed(self, reply: Reply) -> list[bytes]:
        said: list[dict[str, Any]] = [{"content": word} for word in reply.text.split(" ")]
        said = [{"content": f" {one['content']}" if number else one["content"]} for number, one in enumerate(said)]
        calls = [{"function": {"name": call.name, "arguments": call.arguments}} for call in reply.tool_calls]
        if calls:
            said = [{"content": "", "tool_calls": [call]} for call in calls]
        assert reply.usage is not None
        counts = {"prompt_eval_count": reply.usage.input, "eval_count": reply.usage.output, "done_reason": "stop"}
        last = {"model": "small", "message": {"content": ""}, "done": True, **counts}
        lines = [{"model": "small", "message": message, "done": False} for message in said]
        return [json.dumps(line).encode() + b"\n" for line in (*lines, last)]

    def wants_stream(self, request: Any) -> bool:
        assert request.data["stream"] is True
        return True

    def whole(self, reply: Reply) -> Sent:
        return Sent.events(self.streamed(reply))

    def vectors(self, vectors: list[list[float]]) -> Sent:
        return Sent.data({"model": "small", "embeddings": vectors, "prompt_eval_count": 3})

    def refusal(self, status: int, message: str) -> Any:
        return {"error": message}

    def broken(self) -> bytes:
        return b'{"half": \n'


class TestOllama(HttpBackendContract):
    plugin = avstudio_llm
    backend = Ollama
    dialect = NativeLines()

    @pytest.fixture
    def server(self) -> Iterator[ModelServer]:
        with ModelServer() as server:
            server.say(self.dialect.models("small", "large"), at=self.dialect.models_at)
            server.say(Sent.data({"models": []}), at="/api/ps")
            server.say(Sent.data({"done": True, "done_reason": "unload"}), at="/api/generate")
            server.say(Sent.data({"capabilities": ["completion", "tools"]}), at="/api/show")
            self.will_say(server, Reply(text="Good morning to you.", usage=Usage(input=11, output=7)))
            yield server

    @pytest.fixture
    def model(self) -> Model:
        return Model(backend="mine", name="small", local=True, can=Can(tools=True), memory_mb=10)

    def test_a_tools_schema_reaches_the_server_whole(self, server: ModelServer, made: Backend, model: Model) -> None:
        self.during(made, lambda: made.chat(with_tool(), model))
        (chat,) = _chats(server)
        assert chat["tools"][0]["function"]["parameters"] == with_tool().tools[0].parameters

    def test_half_of_a_character_is_refused(self, server: ModelServer, made: Backend, model: Model) -> None:
        assert [type(error) for error in self.both(made, model, question("Hello \ud800!"))] == [InvalidInput] * 2
        assert _chats(server) == []


def _chats(server: ModelServer) -> list[dict[str, Any]]:
    """Besides chats, the server is asked what it holds in memory, and to free it."""
    return [request.data for request in server.heard if request.path == "/api/chat"]
