"""Ollama's protocol: requests to JSON, and answers back."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, JsonValue, field_validator

from avstudio_core import Can, new_id
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, FinishReason, Image, Message, ToolCall, Usage
from avstudio_core.errors import BadAnswer

PORT = 11434
LONGEST_LINE = 16 << 20
"""The most bytes in one line of a stream."""


def address_of(given: str | None) -> str:
    """The server's address from OLLAMA_HOST: `host`, `host:port`, `:port`, `http://…` or `0.0.0.0`."""
    text = (given or "").strip().strip("\"'")
    scheme, separator, rest = text.rpartition("://")
    parts = urlsplit(f"//{_bracketed(rest)}")
    usual = {"http": 80, "https": 443}.get(scheme, PORT) if separator else PORT
    host = parts.hostname or "127.0.0.1"
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # it listens on all addresses, also on this one
    shown = f"[{here}]" if ":" in here else here
    return f"{scheme or 'http'}://{shown}:{parts.port or usual}{parts.path.rstrip('/')}"


def _bracketed(rest: str) -> str:
    """Add brackets to a bare IPv6 address; other text does not change."""
    try:
        return f"[{ipaddress.IPv6Address(rest)}]"
    except ValueError:
        return rest


def full_name(name: str) -> str:
    """A model's name with its tag, as the server lists it."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


class Details(BaseModel):
    """What `/api/tags` and `/api/ps` report about a model."""

    name: str
    size: int = 0
    digest: str = ""
    remote_host: str | None = None
    """The host on which a cloud model runs."""


class Listed(BaseModel):
    models: list[Details] = []


class Shown(BaseModel):
    """What `/api/show` reports about a model."""

    capabilities: list[str] | None = None
    template: str = ""
    model_info: dict[str, JsonValue] = {}

    @property
    def can(self) -> Can:
        """The model's abilities; servers before 0.6.4 report none, so the template shows whether it has tools."""
        known = self.capabilities or ["completion", *(["tools"] if ".Tools" in self.template else [])]
        writes = "completion" in known
        return Can(
            chat=writes,
            embed="embedding" in known,
            tools="tools" in known,
            vision="vision" in known,
            json_schema=writes,
            sampling=writes,
            context=self._context,
        )

    @property
    def _context(self) -> int | None:
        sizes = (value for key, value in self.model_info.items() if key.endswith(".context_length"))
        return next((size for size in sizes if isinstance(size, int)), None)


class _Function(BaseModel):
    name: str
    arguments: dict[str, JsonValue] = {}

    @field_validator("arguments", mode="before")
    @classmethod
    def _of_other_forms(cls, given: Any) -> Any:
        """Some servers of this protocol send JSON text, or `null`."""
        given = json.loads(given or "{}") if isinstance(given, str) else given
        return {} if given is None else given


class _Call(BaseModel):
    id: str | None = None
    function: _Function


class _Said(BaseModel):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class Line(BaseModel):
    """One line of a stream of `/api/chat`."""

    model: str | None = None
    message: _Said | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: JsonValue = None

    @property
    def usage(self) -> Usage | None:
        """The usage, or `None` if the server does not count, for example because it had the prompt in its cache."""
        if self.prompt_eval_count is None or self.prompt_eval_count < 0:
            return None
        return Usage(input=self.prompt_eval_count, output=max(0, self.eval_count or 0))

    def delta(self, asked: str, called: bool) -> Delta:
        """What the line adds to an answer; `asked` is the requested model, `called` whether a tool was called."""
        said = self.message or _Said()
        calls = tuple(
            ToolCall(id=call.id or new_id("tool"), name=call.function.name, arguments=call.function.arguments)
            for call in said.tool_calls or ()
        )
        delta = Delta(text=said.content or "", reasoning=said.thinking or "", tool_calls=calls)
        if self.done:
            cut: FinishReason = "length" if self.done_reason == "length" else "stop"
            delta.finish = "tool_calls" if (called or calls) and cut == "stop" else cut
            delta.usage = self.usage
            delta.model = self.model if self.model != asked else None
        return delta


class Embedded(BaseModel):
    """A response of `/api/embed`."""

    model: str | None = None
    embeddings: list[list[float]]
    prompt_eval_count: int | None = None


def chat_body(request: ChatRequest, model: str) -> dict[str, Any]:
    """The body of a chat request; tool schemas are sent unchanged, and Ollama must refuse a long prompt, not cut it."""
    body: dict[str, Any] = {"model": model, "messages": _messages(request.messages), "stream": True}
    body |= {"truncate": False, "shift": False}
    if request.tools and request.tool_choice != "none":
        body["tools"] = [{"type": "function", "function": tool.model_dump()} for tool in request.tools]
    if request.answer_schema is not None:
        body["format"] = request.answer_schema
    options = {name: getattr(request, name) for name in request.sampling}
    options |= {"stop": list(request.stop)} if request.stop else {}
    options |= {"num_predict": request.max_tokens} if request.max_tokens else {}
    return body | {"options": options}


def embed_body(request: EmbedRequest, model: str, texts: tuple[str, ...]) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "input": list(texts), "truncate": False}
    return body | ({"dimensions": request.dimensions} if request.dimensions else {})


def _messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """The messages; results of tools have the tool's name, and the call's id for servers that support it."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    return [_message(message, names) for message in messages]


def _message(message: Message, names: dict[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images and not isinstance(message.content, str):
        given["images"] = [part.data for part in message.content if isinstance(part, Image)]
    if message.tool_calls:
        given["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}} for call in message.tool_calls
        ]
    if message.tool_call_id:
        given |= {"tool_name": names.get(message.tool_call_id, ""), "tool_call_id": message.tool_call_id}
    return given


async def lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The lines of a stream. Only a line feed ends one: JSON may contain other line separators of Unicode."""
    unfinished = b""
    async for chunk in chunks:
        *whole, unfinished = (unfinished + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
        if len(unfinished) > LONGEST_LINE:
            raise BadAnswer(f"Ollama sent a line of more than {LONGEST_LINE >> 20} MB.")
    if unfinished.strip():
        yield unfinished


def parsed(line: bytes) -> Line:
    """A line as JSON. Raises `ValueError` if it is not valid JSON or has another structure."""
    return Line.model_validate(json.loads(line))
