"""The Chat Completions protocol for tests; `ModelServer` uses it."""

from __future__ import annotations

import json
from typing import Any

from avstudio_core.chat import Reply
from avstudio_core.testing import Dialect, Sent


class ChatCompletions(Dialect):
    """Chat Completions: whole answers, chunks, tool calls in pieces, usage at the end."""

    chat_at = "/chat/completions"
    embed_at = "/embeddings"

    def models(self, *names: str) -> Sent:
        return Sent.data({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})

    def streamed(self, reply: Reply) -> list[bytes]:
        words = [chunk({"content": word}) for word in _words(reply.text)]
        calls = [
            chunk({"tool_calls": [piece]})
            for number, call in enumerate(reply.tool_calls)
            for piece in _call_pieces(number, call.id, call.name, json.dumps(call.arguments))
        ]
        end = [chunk({}, reply.finish), usage(reply), b"data: [DONE]\n\n"]
        return [chunk({"role": "assistant"}), *words, *calls, *end]

    def whole(self, reply: Reply) -> Sent:
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for call in reply.tool_calls
        ]
        message = {"role": "assistant", "content": reply.text, "tool_calls": calls or None}
        choice = {"index": 0, "message": message, "finish_reason": reply.finish}
        return Sent.data({"id": "1", "model": "small", "choices": [choice], "usage": _counts(reply)})

    def vectors(self, vectors: list[list[float]]) -> Sent:
        made = [{"object": "embedding", "index": number, "embedding": one} for number, one in enumerate(vectors)]
        return Sent.data({"object": "list", "data": made[::-1], "usage": {"prompt_tokens": 3, "total_tokens": 3}})

    def refusal(self, status: int, message: str) -> Any:
        return {"error": {"message": message, "type": "some_error", "param": None, "code": None}}


def event(data: Any) -> bytes:
    """A server-sent event."""
    return b"data: %b\n\n" % json.dumps(data).encode()


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """A chunk of an answer."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "1", "object": "chat.completion.chunk", "model": "small", "choices": [choice], **more})


def usage(reply: Reply) -> bytes:
    """The last chunk, which has no choices."""
    return event(
        {"id": "1", "object": "chat.completion.chunk", "model": "small", "choices": [], "usage": _counts(reply)}
    )


def _counts(reply: Reply) -> dict[str, Any] | None:
    if reply.usage is None:
        return None
    read, written = reply.usage.input, reply.usage.output
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _words(text: str) -> list[str]:
    return [word + " " for word in text.split()[:-1]] + text.split()[-1:]


def _call_pieces(number: int, id: str, name: str, arguments: str) -> list[dict[str, Any]]:
    half = len(arguments) // 2
    return [
        {"index": number, "id": id, "type": "function", "function": {"name": name, "arguments": ""}},
        {"index": number, "function": {"arguments": arguments[:half]}},
        {"index": number, "function": {"arguments": arguments[half:]}},
    ]
