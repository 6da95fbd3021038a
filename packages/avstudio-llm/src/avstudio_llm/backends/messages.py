"""Anthropic's Messages protocol: requests to JSON, and answers back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from avstudio_core.chat import ChatRequest, Delta, FinishReason, Image, Message, ToolCall, Usage
from avstudio_core.errors import Unsupported
from avstudio_llm.backends.chat_completions import tool_call
from avstudio_llm.failures import broken_off, reported, unreadable

if TYPE_CHECKING:
    from anthropic.types import RawContentBlockDeltaEvent, RawMessageStreamEvent

    from avstudio_core import Backend

FINISHES: dict[str | None, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "refusal": "content_filter",
    "tool_use": "tool_calls",
}
"""Any other reason (`end_turn`, `stop_sequence`) is a natural end."""
TOOL_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def conversation(request: ChatRequest) -> dict[str, Any]:
    """System messages, and the others as turns. Raises `Unsupported` for a picture that is not allowed."""
    turns: list[dict[str, Any]] = []
    for message in request.messages:
        role = "assistant" if message.role == "assistant" else "user"
        if message.images and message.role not in ("user", "tool"):
            raise Unsupported(f"Anthropic does not accept pictures in a message of '{message.role}'.")
        if message.role == "system" or not (blocks := _blocks(message)):
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    system = "\n\n".join(message.text for message in request.messages if message.role == "system" and message.text)
    return {"messages": turns, **({"system": system} if system else {})}


def tools(request: ChatRequest) -> dict[str, Any]:
    """The parameters that declare tools; none without tools."""
    if not request.tools:
        return {}
    declared = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters} for tool in request.tools
    ]
    return {"tools": declared, "tool_choice": {"type": TOOL_CHOICES[request.tool_choice]}}


def answer_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The parameter that makes the answer follow a schema; empty for a schema that the server cannot enforce.

    Keywords that it does not support (bounds, patterns) move into descriptions, and every object is closed.
    """
    from anthropic import transform_schema

    if has_open_objects(schema):
        return {}
    try:
        carried = transform_schema(schema)
    except (ValueError, AssertionError, TypeError, AttributeError):
        return {}
    return {"output_config": {"format": {"type": "json_schema", "schema": carried}}}


def has_open_objects(schema: Any) -> bool:
    """Whether the schema allows an object to have properties that it does not name."""
    if isinstance(schema, list):
        return any(map(has_open_objects, schema))
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "object" and (schema.get("additionalProperties") or not schema.get("properties")):
        return True
    return any(map(has_open_objects, schema.values()))


class Assembly:
    """Assembles an answer from the events of its stream."""

    def __init__(self, backend: Backend, asked: str) -> None:
        self._backend = backend
        self._asked = asked
        self._counts: dict[str, int] = {}
        self._calls: dict[int, tuple[str, str, list[str]]] = {}
        self._end = Delta()
        self._empty = True

    def add(self, event: RawMessageStreamEvent) -> Delta | None:
        """The text and reasoning of an event; everything else is kept for the end."""
        self._empty = False
        if event.type == "message_start":
            self._count(event.message.usage)
            self._end.model = event.message.model if event.message.model != self._asked else None
        elif event.type == "content_block_start" and event.content_block.type == "tool_use":
            block = event.content_block
            self._calls[event.index] = (block.id, block.name, [json.dumps(block.input)] if block.input else [])
        elif event.type == "content_block_delta":
            return self._piece(event)
        elif event.type == "message_delta":
            self._count(event.usage)
            if event.delta.stop_reason:
                self._end.finish = FINISHES.get(event.delta.stop_reason, "stop")
        return None

    def end(self) -> Delta:
        """The rest of the answer. Raises `BackendDown` if the stream broke off, and `BadAnswer`."""
        if self._empty:
            raise unreadable(self._backend, "it contains no event; is the base_url correct?")
        if self._end.finish is None:
            raise broken_off(self._backend)
        self._end.usage = self._usage()
        with reported(self._end.usage):
            self._end.tool_calls = tuple(self._call(*call) for call in self._calls.values())
        return self._end

    def _piece(self, event: RawContentBlockDeltaEvent) -> Delta | None:
        piece = event.delta
        if piece.type == "text_delta":
            return Delta(piece.text or "")
        if piece.type == "thinking_delta":
            return Delta(reasoning=piece.thinking or "")
        if piece.type == "input_json_delta" and event.index in self._calls:
            self._calls[event.index][2].append(piece.partial_json)
        return None

    def _count(self, usage: Any) -> None:
        """Store counts; each is of the whole answer so far, so the last one is valid."""
        names = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        found = {name: getattr(usage, name, None) for name in names}
        found["thinking_tokens"] = getattr(getattr(usage, "output_tokens_details", None), "thinking_tokens", None)
        self._counts |= {name: count for name, count in found.items() if isinstance(count, int) and count >= 0}

    def _usage(self) -> Usage | None:
        written, read, fresh, output, thought = (
            self._counts.get(name, 0)
            for name in (
                *("cache_creation_input_tokens", "cache_read_input_tokens", "input_tokens", "output_tokens"),
                "thinking_tokens",
            )
        )
        if not fresh + written + read + output:
            return None
        total = fresh + written + read
        return Usage(input=total, output=output, cached=read, cache_written=written, reasoning=min(thought, output))

    def _call(self, id: str, name: str, pieces: list[str]) -> ToolCall:
        return tool_call(self._backend, id, name, "".join(pieces))


def _blocks(message: Message) -> list[dict[str, Any]]:
    """The parts of a message, without empty ones, which the server refuses."""
    if message.role == "tool":
        said = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": _parts(message)}
        return [said]
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in message.tool_calls
    ]
    return [*_parts(message), *calls]


def _parts(message: Message) -> list[dict[str, Any]]:
    if isinstance(message.content, str):
        return [{"type": "text", "text": message.content}] if message.content else []
    return [
        {"type": "image", "source": {"type": "base64", "media_type": part.media_type, "data": part.data}}
        if isinstance(part, Image)
        else {"type": "text", "text": part.text}
        for part in message.content
        if isinstance(part, Image) or part.text
    ]
