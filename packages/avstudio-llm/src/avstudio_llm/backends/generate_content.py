"""Gemini's `generateContent` protocol: requests to JSON, and answers back."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from avstudio_core.chat import ChatRequest, Delta, FinishReason, Image, Message, ToolCall, Usage
from avstudio_core.errors import BadAnswer, InvalidInput, Unsupported
from avstudio_llm.backends.chat_completions import tool_call
from avstudio_llm.failures import broken_off, in_stream, reported, unreadable

if TYPE_CHECKING:
    from avstudio_core import Backend, Model

LENGTH = frozenset({"MAX_TOKENS", "CONTINUATION"})
REFUSED = frozenset(
    {
        *("BLOCKLIST", "ESCALATION", "IMAGE_PROHIBITED_CONTENT", "IMAGE_SAFETY", "LANGUAGE", "MODEL_ARMOR", "OTHER"),
        *("PROHIBITED_CONTENT", "RECITATION", "SAFETY", "SPII"),
    }
)
MALFORMED = frozenset({"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "TOO_MANY_TOOL_CALLS", "UNEXPECTED_TOOL_CALL"})
TOOL_CHOICES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
UNSIGNED = "skip_thought_signature_validator"
"""The signature that Google prescribes for calls from another model, or from before a restart."""
SIGNATURES = 4096
"""How many signatures of tool calls are remembered."""


class Signatures:
    """The signatures of tool calls: Gemini requires each one back with its call, and our messages do not hold them."""

    def __init__(self) -> None:
        self._by_call: OrderedDict[str, str] = OrderedDict()

    def keep(self, call: str, signature: str) -> None:
        self._by_call[call] = signature
        while len(self._by_call) > SIGNATURES:
            self._by_call.popitem(last=False)

    def of(self, call: str) -> str | None:
        return self._by_call.get(call)


def body(request: ChatRequest, model: Model, signatures: Signatures) -> dict[str, Any]:
    """The whole request. Raises `Unsupported` for a picture where Gemini does not allow one."""
    said: dict[str, Any] = {"contents": _contents(request, signatures), "generationConfig": _config(request, model)}
    if system := "\n\n".join(message.text for message in request.messages if message.role == "system"):
        said["systemInstruction"] = {"parts": [{"text": system}]}
    if request.tools:
        declared = [
            {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
            for tool in request.tools
        ]
        said["tools"] = [{"functionDeclarations": declared}]
        said["toolConfig"] = {"functionCallingConfig": {"mode": TOOL_CHOICES[request.tool_choice]}}
    return said


class Assembly:
    """Assembles an answer from its chunks; an answer that is not streamed is one chunk."""

    def __init__(self, backend: Backend, asked: str, signatures: Signatures) -> None:
        self._backend = backend
        self._asked = asked
        self._signatures = signatures
        self._calls: list[ToolCall] = []
        self._end = Delta()
        self._empty = True

    def add(self, piece: Any) -> Delta | None:
        """The text and reasoning of a chunk. Raises the error that the server reports."""
        if not isinstance(piece, dict):
            raise unreadable(self._backend, "a part of it is not an object")
        if "error" in piece:
            raise in_stream(self._backend, piece, self._asked)
        self._empty = False
        self._end.usage = usage_of(piece.get("usageMetadata")) or self._end.usage
        if (version := piece.get("modelVersion")) and version != self._asked:
            self._end.model = version
        with reported(self._end.usage):
            return self._content(piece)

    def _content(self, piece: dict[str, Any]) -> Delta | None:
        if (piece.get("promptFeedback") or {}).get("blockReason"):
            self._end.finish = "content_filter"
        candidate: dict[str, Any] = next(iter(piece.get("candidates") or ()), {})
        self._finish(candidate)
        text, reasoning = "", ""
        for part in (candidate.get("content") or {}).get("parts") or ():
            if call := part.get("functionCall"):
                self._calls.append(self._call(call, part.get("thoughtSignature")))
            elif part.get("thought"):
                reasoning += part.get("text") or ""
            else:
                text += part.get("text") or ""
        return Delta(text, reasoning) if text or reasoning else None

    def end(self) -> Delta:
        """The rest of the answer. Raises `BackendDown` if the stream broke off."""
        if self._empty:
            raise unreadable(self._backend, "it contains no event; is the base_url correct?")
        if self._end.finish is None:
            raise broken_off(self._backend)
        self._end.tool_calls = tuple(self._calls)
        if self._calls and self._end.finish == "stop":
            self._end.finish = "tool_calls"
        return self._end

    def _finish(self, candidate: dict[str, Any]) -> None:
        reason = candidate.get("finishReason")
        if reason in MALFORMED:
            said = candidate.get("finishMessage") or reason
            raise BadAnswer(f"A model of backend '{self._backend.config.name}' failed to call a tool: '{said}'.")
        if reason and self._end.finish != "content_filter":
            self._end.finish = finish_of(reason)

    def _call(self, said: dict[str, Any], signature: str | None) -> ToolCall:
        call = tool_call(self._backend, said.get("id"), said.get("name") or "", said.get("args"))
        if signature:
            self._signatures.keep(call.id, signature)
        return call


def finish_of(reason: str) -> FinishReason:
    """Any other reason (`STOP`) is a natural end."""
    if reason in LENGTH:
        return "length"
    return "content_filter" if reason in REFUSED else "stop"


def usage_of(said: dict[str, Any] | None) -> Usage | None:
    """The server's count; Gemini counts reasoning and tool results separately."""
    counts = {name: count for name, count in (said or {}).items() if isinstance(count, int) and count >= 0}
    read = counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0)
    thought = counts.get("thoughtsTokenCount", 0)
    written = counts.get("candidatesTokenCount", 0) + thought
    if not read + written:
        return None
    cached = min(read, counts.get("cachedContentTokenCount", 0))
    return Usage(input=read, output=written, cached=cached, reasoning=thought)


def _config(request: ChatRequest, model: Model) -> dict[str, Any]:
    given = {
        "temperature": request.temperature,
        "topP": request.top_p,
        "seed": request.seed,
        "maxOutputTokens": request.max_tokens,
        "stopSequences": list(request.stop) or None,
    }
    config: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if request.answer_schema is not None and model.can.json_schema:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": request.answer_schema}
    return config


def _contents(request: ChatRequest, signatures: Signatures) -> list[dict[str, Any]]:
    names = {call.id: call.name for message in request.messages for call in message.tool_calls}
    contents: list[dict[str, Any]] = []
    for message in request.messages:
        role = "model" if message.role == "assistant" else "user"
        if message.images and message.role != "user":
            raise Unsupported(f"Gemini accepts pictures from users only, not in a message of '{message.role}'.")
        parts = [_answer(message, names)] if message.role == "tool" else _parts(message, signatures)
        if message.role == "system" or not parts:
            continue
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    return contents


def _answer(message: Message, names: dict[str, str]) -> dict[str, Any]:
    if (name := names.get(message.tool_call_id or "")) is None:
        raise InvalidInput(f"The result of a tool has the id '{message.tool_call_id}', but no tool call has this id.")
    return {"functionResponse": {"id": message.tool_call_id, "name": name, "response": {"output": message.text}}}


def _parts(message: Message, signatures: Signatures) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for part in [message.content] if isinstance(message.content, str) else message.content:
        if isinstance(part, Image):
            parts.append({"inlineData": {"mimeType": part.media_type, "data": part.data}})
        elif text := part if isinstance(part, str) else part.text:
            parts.append({"text": text})
    for number, call in enumerate(message.tool_calls):
        said: dict[str, Any] = {"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}}
        signature = signatures.of(call.id) or (UNSIGNED if number == 0 else None)
        parts.append(said | ({"thoughtSignature": signature} if signature else {}))
    return parts
