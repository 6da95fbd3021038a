"""The Messages protocol against a real server on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest

import avstudio_llm
from avstudio_core.chat import ChatRequest, Image, Message, Reply, Tool, ToolCall, Usage
from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    ContextTooLong,
    CredentialsRefused,
    RateLimited,
    Unsupported,
)
from avstudio_core.kinds.backend import Backend, BackendConfig
from avstudio_core.language_models import Can, Model
from avstudio_core.testing import Dialect, HttpBackendContract, ModelServer, Sent
from avstudio_core.testing.backend_contract import Witness, heard, question

pytest.importorskip("anthropic")

from avstudio_llm.backends.anthropic import Anthropic

STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class Messages(Dialect):
    version = ""
    chat_at = "/v1/messages"
    models_at = "/v1/models"

    def models(self, *names: str) -> Sent:
        return Sent.data(
            {"data": [{"id": name, "type": "model", "display_name": name} for name in names], "has_more": False}
        )

    def streamed(self, reply: Reply) -> list[bytes]:
        assert reply.usage is not None
        pieces = [start(input_tokens=reply.usage.input, output_tokens=1), event("ping")]
        words = [word + " " for word in reply.text.split()[:-1]] + reply.text.split()[-1:]
        if words:
            pieces.append(event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
            pieces += [delta(0, type="text_delta", text=word) for word in words]
            pieces.append(event("content_block_stop", index=0))
        for number, call in enumerate(reply.tool_calls, 1):
            block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
            pieces.append(event("content_block_start", index=number, content_block=block))
            said = json.dumps(call.arguments)
            pieces += [delta(number, type="input_json_delta", partial_json=half) for half in ("", said[:9], said[9:])]
            pieces.append(event("content_block_stop", index=number))
        return [*pieces, end(STOPS[reply.finish], output_tokens=reply.usage.output)]

    def whole(self, reply: Reply) -> Sent:
        return Sent.events(self.streamed(reply))

    def refusal(self, status: int, message: str) -> Any:
        return {"type": "error", "error": {"type": "some_error", "message": message}, "request_id": "req_1"}

    def broken(self) -> bytes:
        return b'event: content_block_delta\ndata: {"half": \n\n'


def event(kind: str, **data: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **data}).encode())


def start(**usage: Any) -> bytes:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "small", "content": [], "usage": usage}
    return event("message_start", message={**message, "stop_reason": None})


def delta(index: int, **piece: Any) -> bytes:
    return event("content_block_delta", index=index, delta=piece)


def end(reason: str, **usage: Any) -> bytes:
    return event("message_delta", delta={"stop_reason": reason}, usage=usage) + event("message_stop")


CHAT = "/v1/messages"
WORD = delta(0, type="text_delta", text="a")


class TestAnthropic(HttpBackendContract):
    plugin = avstudio_llm
    backend = Anthropic
    dialect = Messages()

    @pytest.fixture
    def model(self) -> Model:
        can = Can(tools=True, json_schema=True, vision=True, sampling=False, output=4096)
        return Model(backend="mine", name="small", local=False, can=can)

    def asked(self, server: ModelServer, made: Backend, model: Model, request: ChatRequest) -> Any:
        """What the server hears of a chat."""
        self.during(made, lambda: made.chat(request, model))
        return server.heard[-1].data

    def streaming(self, server: ModelServer, made: Backend, model: Model, *pieces: bytes) -> list[Any]:
        server.say(Sent.events(pieces), at=CHAT)
        return self.during(made, lambda: heard(made.stream(question(), model)))

    def test_every_kind_of_message(self, server: ModelServer, made: Backend, model: Model) -> None:
        calls = (ToolCall(id="c1", name="cut", arguments={"a": 1}), ToolCall(id="c2", name="join"))
        turns = (
            Message(role="system", content="Be kind."),
            Message(role="user", content=(Image(media_type="image/png", data="aGk="),)),
            Message(role="assistant", content="", tool_calls=calls),
            Message(role="tool", tool_call_id="c1", content="Done."),
            Message(role="tool", tool_call_id="c2", content=""),
            Message(role="user", content="Go on."),
            Message(role="system", content="Be brief."),
        )
        data = self.asked(server, made, model, ChatRequest(messages=turns))
        assert data["system"] == "Be kind.\n\nBe brief."
        picture = {"type": "base64", "media_type": "image/png", "data": "aGk="}
        assert data["messages"] == [
            {"role": "user", "content": [{"type": "image", "source": picture}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "c1", "name": "cut", "input": {"a": 1}},
                    {"type": "tool_use", "id": "c2", "name": "join", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "Done."}]},
                    {"type": "tool_result", "tool_use_id": "c2", "content": []},
                    {"type": "text", "text": "Go on."},
                ],
            },
        ]

    def test_tools_and_limits(self, server: ModelServer, made: Backend, model: Model) -> None:
        tool = Tool(name="cut", description="Cuts.", parameters={"type": "object", "properties": {}})
        request = question(tools=(tool,), tool_choice="required", stop=("x",))
        data = self.asked(server, made, model, request)
        assert data["tools"] == [{"name": "cut", "description": "Cuts.", "input_schema": tool.parameters}]
        assert data["tool_choice"] == {"type": "any"}
        assert (data["max_tokens"], data["stop_sequences"]) == (4096, ["x"])
        assert self.asked(server, made, model, question(max_tokens=9))["max_tokens"] == 9

    def test_an_error_in_place_of_a_stream(self, server: ModelServer, made: Backend, model: Model) -> None:
        error = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slower."}}
        server.say(Sent.data(error), at="/messages")
        with pytest.raises(RateLimited, match="'Slower'"):
            self.during(made, lambda: made.chat(question(), model))

    def test_the_limit_of_an_answer_fits_the_context(self, server: ModelServer, made: Backend, model: Model) -> None:
        """The protocol requires a limit, also of local servers, whose context may be short."""
        short = model.model_copy(update={"can": Can(context=1000)})
        assert 800 < self.asked(server, made, short, question())["max_tokens"] < 1000

    @pytest.mark.parametrize("given", [{"temperature": 0.0}, {"top_p": 0.5}, {"seed": 1}])
    def test_sampling_is_refused_and_never_sent(
        self, server: ModelServer, made: Backend, model: Model, given: dict[str, Any]
    ) -> None:
        with pytest.raises(Unsupported, match=next(iter(given))):
            self.during(made, lambda: made.chat(question(**given), model))
        assert server.heard == []

    def test_a_schema_goes_with_what_it_knows(self, server: ModelServer, made: Backend, model: Model) -> None:
        schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]}
        sent = self.asked(server, made, model, question(answer_schema=schema))["output_config"]["format"]
        assert sent["type"] == "json_schema"
        assert sent["schema"]["additionalProperties"] is False
        assert sent["schema"]["properties"]["a"] == {"type": "integer", "description": "{minimum: 3}"}

    @pytest.mark.parametrize(
        "schema",
        [
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
            {"type": "object", "properties": {"a": {"description": "anything"}}},
        ],
    )
    def test_a_schema_that_it_cannot_hold_is_asked_for_in_words(
        self, server: ModelServer, made: Backend, model: Model, schema: Any
    ) -> None:
        data = self.asked(server, made, model, question(answer_schema=schema))
        assert "output_config" not in data
        assert json.dumps(schema) in data["system"]

    def test_usage_is_of_the_whole_answer_with_the_cache_in_the_input(
        self, server: ModelServer, made: Backend, model: Model
    ) -> None:
        cache = {"cache_creation_input_tokens": 30, "cache_read_input_tokens": 200}
        began = start(input_tokens=10, output_tokens=1, **cache)
        ended = end("end_turn", output_tokens=50, output_tokens_details={"thinking_tokens": 40})
        usage = self.streaming(server, made, model, began, WORD, ended)[-1].usage
        assert usage == Usage(input=240, output=50, cached=200, cache_written=30, reasoning=40)

    def test_no_usage_is_none(self, server: ModelServer, made: Backend, model: Model) -> None:
        assert self.streaming(server, made, model, start(), WORD, end("end_turn"))[-1].usage is None

    def test_thoughts_are_kept_apart(self, server: ModelServer, made: Backend, model: Model) -> None:
        thought, signature = (
            delta(0, type="thinking_delta", thinking="Hm."),
            delta(0, type="signature_delta", signature="x"),
        )
        deltas = self.streaming(server, made, model, start(), thought, signature, WORD, end("end_turn"))
        assert [(one.text, one.reasoning) for one in deltas] == [("", "Hm."), ("a", ""), ("", "")]

    @pytest.mark.parametrize(
        ("said", "finish"),
        [
            *[("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("tool_use", "tool_calls")],
            *[("refusal", "content_filter"), ("pause_turn", "length"), ("model_context_window_exceeded", "length")],
        ],
    )
    def test_finish_reasons(self, server: ModelServer, made: Backend, model: Model, said: str, finish: str) -> None:
        assert self.streaming(server, made, model, start(), WORD, end(said, output_tokens=1))[-1].finish == finish

    @pytest.mark.parametrize(
        ("kind", "message", "error"),
        [
            ("overloaded_error", "Overloaded", BackendDown),
            ("rate_limit_error", "Slow down", RateLimited),
            ("invalid_request_error", "prompt is too long: 209000 tokens > 200000 maximum", ContextTooLong),
            ("billing_error", "Your credit balance is too low", CredentialsRefused),
            ("some_error", "Boom", BackendDown),
        ],
    )
    def test_an_error_in_the_middle_of_a_stream(
        self, server: ModelServer, made: Backend, model: Model, kind: str, message: str, error: type[AVStudioError]
    ) -> None:
        with pytest.raises(error, match=message):
            self.streaming(server, made, model, start(), WORD, event("error", error={"type": kind, "message": message}))

    def test_a_missing_key_is_an_obstacle_and_an_error_of_ours(self, witness: Witness, model: Model) -> None:
        made = Anthropic(BackendConfig(name="anthropic", kind="anthropic"), witness)
        assert made.obstacle() == "no key: set the secret 'ANTHROPIC_API_KEY', or the environment variable of that name"
        with pytest.raises(CredentialsRefused, match="'ANTHROPIC_API_KEY'"):
            self.during(made, lambda: made.chat(question(), model))

    def test_a_key_of_the_environment_goes_nowhere_else(
        self, server: ModelServer, witness: Witness, model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-own")
        monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "sk-own")
        made = Anthropic(BackendConfig(name="mine", kind="anthropic", base_url=server.url), witness)
        self.asked(server, made, model, question())
        assert "own" not in str(server.heard[-1].headers)

    def test_what_the_server_tells_of_its_models(self, server: ModelServer, made: Backend) -> None:
        able = {"image_input": {"supported": True}, "structured_outputs": {"supported": True}}
        said = {"id": "large", "type": "model", "max_input_tokens": 9, "max_tokens": 5, "capabilities": able}
        server.say(Sent.data({"data": [said], "has_more": False}), at="/v1/models")
        (found,) = self.during(made, made.models)
        wanted = Can(tools=True, vision=True, json_schema=True, sampling=False, context=9, output=5)
        assert (found.id, found.can) == ("mine/large", wanted)
