"""Answers of language models in OpenAI's form: whole, and in chunks."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core import ChatAnswer
    from avstudio_core.chat import Delta, ToolCall, Usage


def completion(answer: ChatAnswer) -> dict[str, Any]:
    """A whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = calls(answer.tool_calls)
    elif message["content"] is None:
        message["content"] = ""
    return {
        "id": identifier(answer.request_id),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": answer.model,
        "choices": [{"index": 0, "message": message, "finish_reason": answer.finish, "logprobs": None}],
        "usage": usage(answer.usage),
    }


def headers(answer: ChatAnswer) -> dict[str, str]:
    """Which model answered, by which rule, and at what cost."""
    return {
        "x-avs-model": answer.model,
        "x-avs-cost-usd": f"{answer.cost:.6f}",
        "x-avs-route-rule": answer.decision.rule,
        "x-avs-cache-hit": str(answer.cache_hit).lower(),
    }


def calls(given: Sequence[ToolCall], start: int | None = None) -> list[dict[str, Any]]:
    """Calls of tools; those of a stream have numbers from `start`."""
    return [
        ({} if start is None else {"index": start + number})
        | {
            "id": one.id,
            "type": "function",
            "function": {"name": one.name, "arguments": json.dumps(one.arguments, ensure_ascii=False)},
        }
        for number, one in enumerate(given)
    ]


def usage(used: Usage) -> dict[str, Any]:
    """The tokens that were read and written."""
    return {
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.input + used.output,
        "prompt_tokens_details": {"cached_tokens": used.cached},
        "completion_tokens_details": {"reasoning_tokens": used.reasoning},
    }


def identifier(request_id: str) -> str:
    return f"chatcmpl-{request_id}"


class Chunks:
    """Makes the chunks of one streamed answer."""

    def __init__(self, request_id: str, model: str) -> None:
        self._common = {
            "id": identifier(request_id),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._begun = False
        self._calls = 0

    def of(self, delta: Delta) -> bytes:
        """A piece of the answer."""
        content: dict[str, Any] = {} if self._begun else {"role": "assistant", "content": ""}
        self._begun = True
        if delta.text:
            content["content"] = delta.text
        if delta.reasoning:
            content["reasoning_content"] = delta.reasoning
        if delta.tool_calls:
            content["tool_calls"] = calls(delta.tool_calls, self._calls)
            self._calls += len(delta.tool_calls)
        return self._line([{"index": 0, "delta": content, "finish_reason": None, "logprobs": None}])

    def end(self, answer: ChatAnswer, *, with_usage: bool) -> bytes:
        """The end of the answer, with its usage in a chunk of its own if it is wanted."""
        self._common["model"] = answer.model
        last = self._line([{"index": 0, "delta": {}, "finish_reason": answer.finish, "logprobs": None}])
        more = self._line([], usage=usage(answer.usage), **_facts(answer)) if with_usage else b""
        return last + more + b"data: [DONE]\n\n"

    def _line(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return b"data: " + json.dumps(self._common | {"choices": choices} | more, ensure_ascii=False).encode() + b"\n\n"


def _facts(answer: ChatAnswer) -> dict[str, Any]:
    """What a stream cannot tell in headers."""
    return {"avstudio": {name.removeprefix("x-avs-"): value for name, value in headers(answer).items()}}
