"""The Chat Completions protocol of OpenAI and most local servers: requests to JSON, and answers back."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from avstudio_core.chat import ChatRequest, Delta, FinishReason, Image, Message, Reply, Tool, ToolCall, Usage
from avstudio_core.errors import BackendDown, BadAnswer, ModelError, Unsupported
from avstudio_llm.events import DONE
from avstudio_llm.failures import broken_off, in_stream, is_error, reported, unreadable, whereabouts

if TYPE_CHECKING:
    from avstudio_core import Backend

FINISHES: dict[str, FinishReason] = {
    "content_filter": "content_filter",
    "safety": "content_filter",
    "function_call": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
}
"""Any other reason (`stop`, `eos`, …) is a natural end."""


STRICT = frozenset(
    {
        *("$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "items", "properties"),
        *("required", "title", "type"),
    }
)
"""Keywords of JSON Schema that every server accepts in a strict schema."""


def messages(request: ChatRequest) -> list[dict[str, Any]]:
    """The conversation. Raises `Unsupported` for a picture where the protocol does not allow one."""
    return [_message(message) for message in request.messages]


def tools(request: ChatRequest) -> dict[str, Any]:
    """The parameters that declare tools; none without tools."""
    if not request.tools:
        return {}
    return {"tools": [_tool(tool) for tool in request.tools], "tool_choice": request.tool_choice}


def answer_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The parameter that makes the answer follow a schema."""
    declared = {"name": "answer", "schema": schema, "strict": fits_strict(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": declared}}


def fits_strict(schema: Any) -> bool:
    """Whether `strict` accepts a schema: basic keywords only, every object closed, every property required."""
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
    """The server's count; some servers count the reasoning in the total but not in the answer's tokens."""
    if not isinstance(usage, dict) or not (read := _count(usage, "prompt_tokens")) + _count(usage, "completion_tokens"):
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
    """Assembles an answer from its chunks."""

    def __init__(self, backend: Backend, asked: str) -> None:
        self._backend = backend
        self._asked = asked
        self._calls: list[_OpenCall] = []
        self._end = Delta()
        self._empty = True
        self._spoke = self._done = False

    def add(self, data: str) -> Delta | None:
        """The text and reasoning of a chunk; everything else is kept for the end."""
        if data.startswith(DONE):
            self._done = True
            return None
        if (chunk := self._read(data)) is None:
            return None
        self._empty = False
        if usage := chunk.get("usage"):
            self._end.usage = usage_of(usage) or self._end.usage
        self._end.model = _other_model(chunk, self._asked) or self._end.model
        if not (choice := _first_choice(chunk)):
            return None
        finish, delta = choice.get("finish_reason"), _delta_of(choice)
        if finish == "error":
            with reported(self._end.usage):
                raise _ended_with_an_error(self._backend, choice)
        if finish and self._end.finish != "content_filter":
            self._end.finish = _finish(finish)
        if not delta:
            return None
        for call in _calls(delta):
            self._add_call(call)
        text, reasoning = _words(delta)
        if refusal := _refusal(delta):
            text, self._end.finish = refusal, "content_filter"
        self._spoke = self._spoke or bool(text)
        return Delta(text, reasoning) if text or reasoning else None

    def end(self) -> Delta:
        """The rest of the answer; `finish` is missing if the server gave none.

        Raises `BackendDown` for a stream that ended before its first token, and `BadAnswer`.
        """
        if self._empty:
            raise unreadable(self._backend, "it contains no event; is the base_url correct?")
        if self._end.finish is None and not (self._done or self._spoke or self._calls):
            raise broken_off(self._backend)
        if self._done:
            self._end.finish = self._end.finish or "stop"
        with reported(self._end.usage):
            calls = tuple(call.whole(self._backend) for call in self._calls)
        self._end.tool_calls = calls
        if calls and self._end.finish == "stop":
            self._end.finish = "tool_calls"
        return self._end

    def _read(self, data: str) -> dict[str, Any] | None:
        """A chunk as JSON; `None` for a keep-alive. Raises the error that the server sent instead of a chunk."""
        chunk = json.loads(data)
        if chunk is None or isinstance(chunk, str):
            return None
        if not isinstance(chunk, dict):
            raise unreadable(self._backend, "a part of it is not an object")
        if is_error(chunk):
            with reported(self._end.usage):
                raise in_stream(self._backend, chunk, self._asked)
        return chunk

    def _add_call(self, piece: dict[str, Any]) -> None:
        """Add a piece to its call.

        Some servers give parallel calls the same index, or give no index; others give each piece a new id. A piece
        with another name, or with a name after whole arguments, begins a call.
        """
        function = piece.get("function") or {}
        number, id, name = piece.get("index"), piece.get("id") or "", function.get("name") or ""
        last = next((call for call in reversed(self._calls) if number is None or call.number == number), None)
        if last is None or (name and last.name and last.differs(id, name)):
            self._calls.append(last := _OpenCall(number))
        last.id = last.id or id
        last.name = last.name or name
        last.add(function.get("arguments"))


class _OpenCall:
    """A tool call whose pieces are still arriving."""

    def __init__(self, number: int | None) -> None:
        self.number = number
        self.id = self.name = ""
        self._arguments: Any = ""

    def add(self, arguments: Any) -> None:
        """Add arguments: a part of the text, or the whole object."""
        if isinstance(arguments, str) and isinstance(self._arguments, str):
            self._arguments += arguments
        elif arguments is not None:
            self._arguments = arguments

    def differs(self, id: str, name: str) -> bool:
        """Whether a piece with this id and name begins another call."""
        if id and self.id:
            return id != self.id
        return name != self.name or self._is_whole

    @property
    def _is_whole(self) -> bool:
        try:
            return isinstance(self._arguments, dict) or isinstance(json.loads(self._arguments), dict)
        except ValueError:
            return False

    def whole(self, backend: Backend) -> ToolCall:
        return tool_call(backend, self.id, self.name, self._arguments)


def tool_call(backend: Backend, id: object, name: str, arguments: Any) -> ToolCall:
    """A call with its arguments parsed, and with a new id if it has none. Raises `BadAnswer`.

    The protocol requires arguments as JSON text; some servers send an object, `null`, JSON text in JSON text, or text
    after the JSON.
    """
    try:
        found = _first_json(arguments) if isinstance(arguments, str) else arguments
        found = _first_json(found) if isinstance(found, str) else found
    except ValueError as error:
        raise BadAnswer(f"{_asks(backend, name)} with arguments that are not JSON: {error}.") from None
    found = {} if found is None else found
    if not isinstance(found, dict) or not name:
        raise BadAnswer(f"{_asks(backend, name)} with arguments that are not an object: '{str(arguments)[:200]}'.")
    try:
        return ToolCall(id=str(id or "") or f"call_{secrets.token_hex(8)}", name=name, arguments=found)
    except ValueError:
        raise BadAnswer(f"{_asks(backend, name)} with arguments that are not JSON: '{str(arguments)[:200]}'.") from None


def _first_json(text: str) -> Any:
    """The JSON at the start of a text, with line breaks allowed in strings. Raises `ValueError`, also for NaN."""
    decoder = json.JSONDecoder(strict=False, parse_constant=_no_number)
    return decoder.raw_decode(text.strip())[0] if text.strip() else {}


def _no_number(name: str) -> Any:
    raise ValueError(f"it contains {name}")


def reply_of(backend: Backend, completion: Any, asked: str) -> Reply:
    """An answer that was not streamed. Raises `BadAnswer`, or the error that the server sent instead."""
    if isinstance(completion, dict) and is_error(completion):
        raise in_stream(backend, completion, asked)
    if not isinstance(completion, dict) or not (choice := _first_choice(completion)):
        raise unreadable(backend, "it has no choices; is the base_url correct?")
    usage = usage_of(completion.get("usage"))
    with reported(usage):
        reply = _reply(backend, choice)
    reply.usage = usage
    reply.model = _other_model(completion, asked)
    return reply


def _reply(backend: Backend, choice: dict[str, Any]) -> Reply:
    message, finish = _delta_of(choice) or {}, choice.get("finish_reason")
    if finish == "error":
        raise _ended_with_an_error(backend, choice)
    text, reasoning = _words(message)
    refusal = _refusal(message)
    functions = [(call.get("id"), call.get("function")) for call in _calls(message)]
    reply = Reply(text or refusal, reasoning)
    reply.tool_calls = tuple(
        tool_call(backend, id, function.get("name") or "", function.get("arguments"))
        for id, function in functions
        if function
    )
    reply.finish = "content_filter" if refusal else _finish(finish)
    if reply.tool_calls and reply.finish == "stop":
        reply.finish = "tool_calls"
    return reply


def _first_choice(said: dict[str, Any]) -> dict[str, Any] | None:
    choices = said.get("choices")
    return choices[0] if choices and isinstance(choices, list) and isinstance(choices[0], dict) else None


def _delta_of(choice: dict[str, Any]) -> dict[str, Any] | None:
    """The message of an answer, or its new part in a chunk; some servers stream whole messages, or send texts."""
    said = choice.get("delta") if "delta" in choice else choice.get("message") or choice.get("text")
    return {"content": said} if isinstance(said, str) else said or None


def _refusal(said: dict[str, Any]) -> str:
    refusal = said.get("refusal")
    return refusal if isinstance(refusal, str) else ""


def _calls(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The tool calls of a message or a chunk; older servers send one as `function_call`."""
    calls = said.get("tool_calls") or [{"function": one} for one in [said.get("function_call")] if one]
    return [call for call in ([calls] if isinstance(calls, dict) else calls) if isinstance(call, dict)]


def _finish(reason: object) -> FinishReason:
    return FINISHES.get(str(reason).lower(), "stop")


def _other_model(said: dict[str, Any], asked: str) -> str | None:
    """The name of the model that answered, if it is not the requested one."""
    model = said.get("model")
    return model if isinstance(model, str) and model != asked else None


def _ended_with_an_error(backend: Backend, choice: dict[str, Any]) -> ModelError:
    """The error that ended an answer; without a message, it counts as an outage of the server."""
    if reason := choice.get("error"):
        return in_stream(backend, {"error": reason}, "")
    return BackendDown(f"{whereabouts(backend)} ended its answer with an error.", worked=True)


def _message(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.role == "tool":
        data["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        data["content"] = data["content"] or None
        data["tool_calls"] = [_call(call) for call in message.tool_calls]
    return data


def _content(message: Message) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str) or not message.images:
        return message.text
    if message.role != "user":
        raise Unsupported(f"This protocol accepts pictures from users only, not in a message of '{message.role}'.")
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
    """Text and reasoning of a message or a chunk; Mistral sends both as parts of the content."""
    reasoning = said.get("reasoning_content") or said.get("reasoning") or ""
    reasoning = reasoning if isinstance(reasoning, str) else ""
    content = said.get("content") or ""
    if isinstance(content, str):
        return content, reasoning
    parts = [content] if isinstance(content, dict) else content
    thoughts = [
        _joined(part.get("thinking")) for part in parts if isinstance(part, dict) and part.get("type") == "thinking"
    ]
    return _joined(parts), reasoning + "".join(thoughts)


def _joined(parts: Any) -> str:
    """The text of the parts; some servers send a part as plain text."""
    if isinstance(parts, str):
        return parts
    return "".join(part if isinstance(part, str) else _text(part) for part in parts or ())


def _text(part: dict[str, Any]) -> str:
    return part.get("text") or "" if part.get("type") in ("text", "output_text") else ""


def _count(counts: Any, name: str) -> int:
    number = counts.get(name) if isinstance(counts, dict) else 0
    return max(0, int(number)) if isinstance(number, int) or (isinstance(number, float) and number.is_integer()) else 0


def _asks(backend: Backend, name: str) -> str:
    return f"A model of backend '{backend.config.name}' calls the tool '{name}'"
