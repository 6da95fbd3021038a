"""The Chat Completions protocol, which OpenAI and most local servers speak: our words in its form, and back."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from avstudio_core.chat import ChatRequest, Delta, FinishReason, Image, Message, Reply, Tool, ToolCall, Usage
from avstudio_core.errors import BadAnswer, Unsupported
from avstudio_llm.failures import broken_off, unreadable

if TYPE_CHECKING:
    from avstudio_core import Backend

FINISHES: dict[str, FinishReason] = {
    "content_filter": "content_filter",
    "function_call": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
}
"""What is not here (`stop`, `eos`, …) is a natural end."""


STRICT = frozenset(
    {
        *("$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "items", "properties"),
        *("required", "title", "type"),
    }
)
"""Words of JSON Schema that every server takes in a schema that is declared strict."""


def messages(request: ChatRequest) -> list[dict[str, Any]]:
    """The conversation. Raises `Unsupported` for a picture where the protocol has no place for one."""
    return [_message(message) for message in request.messages]


def tools(request: ChatRequest) -> dict[str, Any]:
    """The parameters that declare tools; none without tools."""
    if not request.tools:
        return {}
    return {"tools": [_tool(tool) for tool in request.tools], "tool_choice": request.tool_choice}


def answer_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The parameter that holds the answer to a schema."""
    declared = {"name": "answer", "schema": schema, "strict": fits_strict(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": declared}}


def fits_strict(schema: Any) -> bool:
    """Whether a schema is one of those that `strict` takes: plain, and every object closed with all it has required."""
    if not isinstance(schema, dict) or not schema.keys() <= STRICT:
        return False
    named = schema.get("properties", {})
    if schema.get("type") == "object" or named:
        closed = schema.get("additionalProperties") is False
        if not closed or set(named) != set(schema.get("required", ())):
            return False
    items = [schema["items"]] if "items" in schema else []
    inner = [*named.values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ()), *items]
    return all(map(fits_strict, inner))


def usage_of(usage: Any) -> Usage | None:
    """What the server counted; some leave the reasoning out of the answer's tokens, but not out of the total."""
    if not usage or not (read := _count(usage, "prompt_tokens")) + _count(usage, "completion_tokens"):
        return None
    written = max(_count(usage, "completion_tokens"), _count(usage, "total_tokens") - read)
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    cached = min(read, _count(prompt, "cached_tokens"))
    return Usage(
        input=read,
        output=written,
        cached=cached,
        cache_written=min(read - cached, _count(prompt, "cache_write_tokens")),
        reasoning=min(written, _count(completion, "reasoning_tokens")),
    )


class Assembly:
    """Puts an answer together from its chunks."""

    def __init__(self, backend: Backend, asked: str) -> None:
        self._backend = backend
        self._asked = asked
        self._calls: dict[int, _OpenCall] = {}
        self._end = Delta()
        self._empty = True

    def add(self, chunk: dict[str, Any]) -> Delta | None:
        """What a chunk brings at once: words and thoughts; the rest is kept for the end."""
        self._empty = False
        if usage := chunk.get("usage"):
            self._end.usage = usage_of(usage) or self._end.usage
        if (model := chunk.get("model")) and model != self._asked:
            self._end.model = model
        if not (choices := chunk.get("choices")):
            return None
        finish, delta = choices[0].get("finish_reason"), choices[0].get("delta")
        if finish and self._end.finish != "content_filter":
            self._end.finish = FINISHES.get(finish, "stop")
        if not delta:
            return None
        for call in delta.get("tool_calls") or ():
            self._add_call(call)
        text, reasoning = _words(delta)
        if refusal := delta.get("refusal"):
            text, self._end.finish = refusal, "content_filter"
        return Delta(text, reasoning) if text or reasoning else None

    def end(self) -> Delta:
        """What is known at the end. Raises `BackendDown` if it was none, and `BadAnswer`."""
        if self._empty:
            raise unreadable(self._backend, "no event came; is its base_url right?")
        if self._end.finish is None:
            raise broken_off(self._backend)
        calls = tuple(call.whole(self._backend) for call in self._calls.values())
        self._end.tool_calls = calls
        if calls and self._end.finish == "stop":
            self._end.finish = "tool_calls"
        return self._end

    def _add_call(self, piece: dict[str, Any]) -> None:
        number = piece.get("index")
        if number is None:  # such servers send a call in one piece
            number = len(self._calls)
        call = self._calls.setdefault(number, _OpenCall())
        call.id = call.id or piece.get("id") or ""
        function = piece.get("function") or {}
        call.name = call.name or function.get("name") or ""
        call.arguments += function.get("arguments") or ""


class _OpenCall:
    """A tool call whose pieces are still coming."""

    def __init__(self, id: str = "", name: str = "", arguments: str = "") -> None:
        self.id, self.name, self.arguments = id, name, arguments

    def whole(self, backend: Backend) -> ToolCall:
        return tool_call(backend, self.id, self.name, self.arguments)


def tool_call(backend: Backend, id: str | None, name: str, arguments: str) -> ToolCall:
    """A call with its arguments read, and an id made up where there is none. Raises `BadAnswer`."""
    try:
        found = json.loads(arguments or "{}")
    except ValueError as error:
        raise BadAnswer(f"{_asks(backend, name)} with arguments that are no JSON: {error}.") from None
    if not isinstance(found, dict) or not name:
        raise BadAnswer(f"{_asks(backend, name)} with arguments that are no object: '{arguments[:200]}'.")
    return ToolCall(id=id or f"call_{secrets.token_hex(8)}", name=name, arguments=found)


def reply_of(backend: Backend, completion: Any, asked: str) -> Reply:
    """An answer that came whole. Raises `BadAnswer`."""
    if not isinstance(completion, dict) or not (choices := completion.get("choices")):
        raise unreadable(backend, "it has no choices; is its base_url right?")
    message, finish = choices[0]["message"], choices[0].get("finish_reason")
    text, reasoning = _words(message)
    refusal = message.get("refusal") or ""
    functions = [(call.get("id"), call.get("function")) for call in message.get("tool_calls") or ()]
    reply = Reply(text or refusal, reasoning)
    reply.tool_calls = tuple(
        tool_call(backend, id, function.get("name") or "", function.get("arguments") or "")
        for id, function in functions
        if function
    )
    reply.finish = "content_filter" if refusal else FINISHES.get(finish, "stop")
    if reply.tool_calls and reply.finish == "stop":
        reply.finish = "tool_calls"
    reply.usage = usage_of(completion.get("usage"))
    reply.model = model if (model := completion.get("model")) != asked else None
    return reply


def _message(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.role == "tool":
        said["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        said["content"] = said["content"] or None
        said["tool_calls"] = [_call(call) for call in message.tool_calls]
    return said


def _content(message: Message) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str) or not message.images:
        return message.text
    if message.role != "user":
        raise Unsupported(f"This protocol takes pictures from users only, not in a message of '{message.role}'.")
    return [
        {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{part.data}"}}
        if isinstance(part, Image)
        else {"type": "text", "text": part.text}
        for part in message.content
    ]


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: Tool) -> dict[str, Any]:
    return {"type": "function", "function": tool.model_dump()}


def _words(said: dict[str, Any]) -> tuple[str, str]:
    """Text and reasoning of a message or a piece of one; Mistral sends both as parts of the content."""
    reasoning = said.get("reasoning_content") or said.get("reasoning") or ""
    reasoning = reasoning if isinstance(reasoning, str) else ""
    content = said.get("content") or ""
    if isinstance(content, str):
        return content, reasoning
    thoughts = [_joined(part.get("thinking")) for part in content if part.get("type") == "thinking"]
    return _joined(content), reasoning + "".join(thoughts)


def _joined(parts: Any) -> str:
    return "".join(part.get("text", "") for part in parts or () if part.get("type") == "text")


def _count(counts: Any, name: str) -> int:
    number = counts.get(name) if counts else 0
    return max(0, number) if isinstance(number, int) else 0


def _asks(backend: Backend, name: str) -> str:
    return f"A model of backend '{backend.config.name}' asks for tool '{name}'"
