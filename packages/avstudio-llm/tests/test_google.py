"""Gemini's protocol against a real server on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest

import avstudio_llm
from avstudio_core.chat import ChatRequest, EmbedRequest, Image, Message, Reply, ToolCall, Usage
from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    BadAnswer,
    ContextTooLong,
    CredentialsRefused,
    InvalidInput,
    RateLimited,
)
from avstudio_core.kinds.backend import Backend
from avstudio_core.language_models import Can, Model
from avstudio_core.testing import Dialect, HttpBackendContract, ModelServer, Sent
from avstudio_core.testing.backend_contract import KEY, heard, question, with_tool
from avstudio_core.testing.model_server import Heard
from avstudio_llm.backends.google import Google

FINISHES = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}


class GenerateContent(Dialect):
    version = "/v1beta"
    chat_at = "enerateContent"
    models_at = "/models?"
    embed_at = "mbedContents"

    def models(self, *names: str) -> Sent:
        methods = ["generateContent", "countTokens"]
        listed = [{"name": f"models/{name}", "supportedGenerationMethods": methods} for name in names]
        return Sent.data({"models": listed})

    def wants_stream(self, request: Heard) -> bool:
        return ":streamGenerateContent?alt=sse" in request.path

    def streamed(self, reply: Reply) -> list[bytes]:
        words = [word + " " for word in reply.text.split()[:-1]] + reply.text.split()[-1:]
        pieces = [event(said([{"text": word}])) for word in words]
        calls = [{"functionCall": {"name": call.name, "args": call.arguments}} for call in reply.tool_calls]
        return [*pieces, event(said(calls or [{"text": ""}], FINISHES[reply.finish], usageMetadata=_counts(reply)))]

    def whole(self, reply: Reply) -> Sent:
        calls = [{"functionCall": {"name": call.name, "args": call.arguments}} for call in reply.tool_calls]
        parts: list[dict[str, Any]] = [*([{"text": reply.text}] if reply.text else []), *calls]
        return Sent.data(said(parts, FINISHES[reply.finish], usageMetadata=_counts(reply)))

    def vectors(self, vectors: list[list[float]]) -> Sent:
        return Sent.data({"embeddings": [{"values": one} for one in vectors]})

    def refusal(self, status: int, message: str) -> Any:
        return {"error": {"code": status, "message": message, "status": "SOME_ERROR"}}


def event(data: Any) -> bytes:
    return b"data: %b\r\n\r\n" % json.dumps(data).encode()


def said(parts: list[dict[str, Any]], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "small", **more}


def _counts(reply: Reply) -> dict[str, Any]:
    assert reply.usage is not None
    return {"promptTokenCount": reply.usage.input, "candidatesTokenCount": reply.usage.output}


CHAT = "enerateContent"


class TestGoogle(HttpBackendContract):
    plugin = avstudio_llm
    backend = Google
    dialect = GenerateContent()

    def asked(self, server: ModelServer, made: Backend, model: Model, request: ChatRequest) -> Any:
        """What the server hears of a chat."""
        self.during(made, lambda: made.chat(request, model))
        return server.heard[-1].data

    def answering(self, server: ModelServer, made: Backend, model: Model, answer: Any, status: int = 200) -> Reply:
        server.say(Sent.data(answer, status), at=CHAT)
        return self.during(made, lambda: made.chat(with_tool(), model))

    def test_the_key_is_in_a_header_and_in_no_address(self, server: ModelServer, made: Backend, model: Model) -> None:
        self.asked(server, made, model, question())
        assert server.heard[-1].headers["x-goog-api-key"] == KEY
        assert KEY not in server.heard[-1].path

    def test_every_kind_of_message(self, server: ModelServer, made: Backend, model: Model) -> None:
        turns = (
            Message(role="system", content="Be kind."),
            Message(role="user", content=(Image(media_type="image/png", data="aGk="),)),
            Message(
                role="assistant", content="I cut.", tool_calls=(ToolCall(id="c1", name="cut", arguments={"a": 1}),)
            ),
            Message(role="tool", tool_call_id="c1", content="Done."),
            Message(role="user", content="Go on."),
        )
        data = self.asked(server, made, model, ChatRequest(messages=turns))
        assert data["systemInstruction"] == {"parts": [{"text": "Be kind."}]}
        call = {"functionCall": {"id": "c1", "name": "cut", "args": {"a": 1}}}
        answer = {"functionResponse": {"id": "c1", "name": "cut", "response": {"output": "Done."}}}
        assert data["contents"] == [
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
            {
                "role": "model",
                "parts": [{"text": "I cut."}, call | {"thoughtSignature": "skip_thought_signature_validator"}],
            },
            {"role": "user", "parts": [answer, {"text": "Go on."}]},
        ]

    def test_parameters_and_schemas(self, server: ModelServer, made: Backend, model: Model) -> None:
        schema = {"type": "object", "properties": {"a": {"type": "string"}}}
        request = question(
            temperature=0.5, top_p=0.9, seed=3, stop=("x",), max_tokens=9, answer_schema=schema
        ).model_copy(update={"tools": with_tool().tools, "tool_choice": "required"})
        data = self.asked(server, made, model, request)
        assert data["generationConfig"] == {
            "temperature": 0.5,
            "topP": 0.9,
            "seed": 3,
            "stopSequences": ["x"],
            "maxOutputTokens": 9,
            "responseMimeType": "application/json",
            "responseJsonSchema": schema,
        }
        assert data["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
        weak = model.model_copy(update={"can": Can()})
        assert self.asked(server, made, weak, question(answer_schema=schema))["generationConfig"] == {}

    def test_a_signature_comes_back_with_its_call(self, server: ModelServer, made: Backend, model: Model) -> None:
        call = {"functionCall": {"name": "cut", "args": {}}, "thoughtSignature": "signed"}
        (called,) = self.answering(server, made, model, said([call], "STOP")).tool_calls
        turns = (
            Message(role="user", content="Cut."),
            Message(role="assistant", tool_calls=(called,)),
            Message(role="tool", tool_call_id=called.id, content="Done."),
        )
        data = self.asked(server, made, model, ChatRequest(messages=turns))
        assert data["contents"][1]["parts"][0]["thoughtSignature"] == "signed"

    def test_the_answer_of_a_tool_that_no_one_called(self, made: Backend, model: Model) -> None:
        turns = (Message(role="tool", tool_call_id="c9", content="Done."),)
        with pytest.raises(InvalidInput, match="'c9'"):
            self.during(made, lambda: made.chat(ChatRequest(messages=turns), model))

    def test_usage_counts_thoughts_as_output(self, server: ModelServer, made: Backend, model: Model) -> None:
        counts = {
            "promptTokenCount": 100,
            "toolUsePromptTokenCount": 5,
            "cachedContentTokenCount": 60,
            "candidatesTokenCount": 20,
            "thoughtsTokenCount": 30,
            "totalTokenCount": 155,
        }
        reply = self.answering(server, made, model, said([{"text": "a"}], "STOP", usageMetadata=counts))
        assert reply.usage == Usage(input=105, output=50, cached=60, reasoning=30)

    def test_thoughts_are_kept_apart(self, server: ModelServer, made: Backend, model: Model) -> None:
        reply = self.answering(server, made, model, said([{"text": "Hm.", "thought": True}, {"text": "a"}], "STOP"))
        assert (reply.text, reply.reasoning) == ("a", "Hm.")

    @pytest.mark.parametrize(
        ("reason", "finish"),
        [
            *[("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("SPII", "content_filter")],
            *[("RECITATION", "content_filter"), ("PROHIBITED_CONTENT", "content_filter")],
        ],
    )
    def test_finish_reasons(self, server: ModelServer, made: Backend, model: Model, reason: str, finish: str) -> None:
        assert self.answering(server, made, model, said([], reason)).finish == finish

    def test_a_prompt_that_is_blocked(self, server: ModelServer, made: Backend, model: Model) -> None:
        assert (
            self.answering(server, made, model, {"promptFeedback": {"blockReason": "SAFETY"}}).finish
            == "content_filter"
        )

    def test_an_unusable_answer_keeps_its_usage(self, server: ModelServer, made: Backend, model: Model) -> None:
        usage = {"promptTokenCount": 10, "candidatesTokenCount": 5}
        piece = said([{"functionCall": {"name": "cut", "args": [1]}}]) | {"usageMetadata": usage}
        with pytest.raises(BadAnswer, match="not an object") as unusable:
            self.answering(server, made, model, piece)
        assert unusable.value.used == Usage(input=10, output=5)

    def test_parts_that_are_null(self, server: ModelServer, made: Backend, model: Model) -> None:
        piece = {"promptFeedback": None, "candidates": [{"content": None, "finishReason": "STOP"}]}
        assert self.answering(server, made, model, piece).finish == "stop"

    def test_a_call_that_the_model_got_wrong(self, server: ModelServer, made: Backend, model: Model) -> None:
        with pytest.raises(BadAnswer, match="MALFORMED_FUNCTION_CALL"):
            self.answering(server, made, model, said([], "MALFORMED_FUNCTION_CALL"))

    @pytest.mark.parametrize(
        ("status", "message", "error"),
        [
            (400, "API key not valid. Please pass a valid API key.", CredentialsRefused),
            (
                400,
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                ContextTooLong,
            ),
            (503, "The model is overloaded.", BackendDown),
        ],
    )
    def test_refusals_by_google_become_our_errors(
        self, server: ModelServer, made: Backend, model: Model, status: int, message: str, error: type[AVStudioError]
    ) -> None:
        with pytest.raises(error):
            self.answering(server, made, model, self.dialect.refusal(status, message), status)

    def test_how_long_google_wants_one_to_wait(self, server: ModelServer, made: Backend, model: Model) -> None:
        refusal = self.dialect.refusal(
            429, "You exceeded your current quota, please check your plan and billing details."
        )
        refusal["error"]["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}]
        with pytest.raises(RateLimited) as caught:
            self.answering(server, made, model, refusal, 429)
        assert caught.value.retry_after == 34.07

    def test_an_error_in_the_middle_of_a_stream(self, server: ModelServer, made: Backend, model: Model) -> None:
        pieces = [event(said([{"text": "a"}])), event(self.dialect.refusal(503, "Overloaded."))]
        server.say(Sent.events(pieces), at=CHAT)
        with pytest.raises(BackendDown, match="Overloaded"):
            self.during(made, lambda: heard(made.stream(question(), model)))

    def test_embeddings_go_a_hundred_at_a_time(self, server: ModelServer, made: Backend, model: Model) -> None:
        server.say(
            *(Sent.data({"embeddings": [{"values": [0.5, number]} for number in range(count)]}) for count in (100, 1)),
            at=":batchEmbedContents",
        )
        request = EmbedRequest(texts=tuple(map(str, range(101))), dimensions=2)
        made_of = self.during(made, lambda: made.embed(request, model))
        assert [len(one.data["requests"]) for one in server.heard] == [100, 1]
        assert server.heard[0].data["requests"][3] == {
            "model": "models/small",
            "content": {"parts": [{"text": "3"}]},
            "outputDimensionality": 2,
        }
        assert len(made_of.vectors) == 101

    def test_the_list_of_models_has_pages(self, server: ModelServer, made: Backend) -> None:
        first = {"name": "models/a", "supportedGenerationMethods": ["generateContent"], "inputTokenLimit": 9}
        second = {"name": "models/b", "supportedGenerationMethods": ["embedContent"], "outputTokenLimit": 1}
        pages = Sent.data({"models": [first], "nextPageToken": "t+2"}), Sent.data({"models": [second]})
        server.say(*pages, at="/models?")
        a, b = self.during(made, made.models)
        assert (a.name, a.can.chat, a.can.tools, a.can.context) == ("a", True, True, 9)
        assert (b.name, b.can.chat, b.can.embed, b.can.output) == ("b", False, True, 1)
        assert "pageToken=t%2B2" in server.heard[-1].path

    def test_a_tuned_model_keeps_its_place(self, server: ModelServer, made: Backend, model: Model) -> None:
        tuned = model.model_copy(update={"name": "tunedModels/a b"})
        self.asked(server, made, tuned, question())
        assert server.heard[-1].path == "/v1beta/tunedModels/a%20b:generateContent"
