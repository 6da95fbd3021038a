"""Gemini's protocol against a real server on loopback."""

from __future__ import annotations

import json
from typing import Any

import avstudio_llm
from avstudio_core.chat import Reply
from avstudio_core.testing import Dialect, HttpBackendContract, Sent
from avstudio_core.testing.model_server import Heard
from avstudio_llm.backends.google import Google

FINISHES = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}


class GenerateContent(Dialect):
    version = "/v1beta"
    chat_at = "enerateContent"
    models_at = "/models?"

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
        parts = [*([{"text": reply.text}] if reply.text else []), *calls]
        return Sent.data(said(parts, FINISHES[reply.finish], usageMetadata=_counts(reply)))

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


class TestGoogle(HttpBackendContract):
    plugin = avstudio_llm
    backend = Google
    dialect = GenerateContent()
