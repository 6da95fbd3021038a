"""Requests to language models and their answers: the same types for every backend."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from avstudio_core import openai_messages
from avstudio_core.errors import InvalidParams, NotFound
from avstudio_core.names import checked
from avstudio_core.quotes import quoted
from avstudio_core.validation import problems

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
TaskType = Literal["general", "code", "creative"]


Name = Annotated[str, AfterValidator(partial(checked, what="name"))]


class Frozen(BaseModel):
    """An immutable value; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Frozen):
    """Words."""

    type: Literal["text"] = "text"
    text: str


class Image(Frozen):
    """A picture, embedded in the message, because a model's server may not be able to fetch an address."""

    type: Literal["image"] = "image"
    media_type: str = Field(pattern=r"^image/[a-z0-9.+-]+$")
    data: str = Field(description="Base64.")


Part = Annotated[Text | Image, Field(discriminator="type")]


class ToolCall(Frozen):
    """A model's call of a tool. `id` links it to the result; if a server gives none, the backend makes one."""

    id: str
    name: str
    arguments: dict[str, JsonValue] = {}

    @field_validator("arguments")
    @classmethod
    def _finite(cls, given: dict[str, JsonValue]) -> dict[str, JsonValue]:
        json.dumps(given, allow_nan=False)  # pydantic allows NaN and infinity
        return given


class Message(Frozen):
    """One turn. The result of a tool has the role `tool` and the id of its call."""

    role: Role
    content: str | tuple[Part, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_openai(cls, given: Any) -> Any:
        return openai_messages.taken(given) if isinstance(given, dict) else given

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, Text))

    @property
    def images(self) -> int:
        return 0 if isinstance(self.content, str) else sum(isinstance(part, Image) for part in self.content)


class Tool(Frozen):
    """A function that a model may call."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str = ""
    parameters: dict[str, JsonValue] = Field(
        default={"type": "object", "properties": {}}, description="Parameters as JSON Schema; may be nested."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_openai(cls, given: Any) -> Any:
        return openai_messages.tool_taken(given) if isinstance(given, dict) else given


class Wishes(Frozen):
    """What the router considers when it chooses a model."""

    require_local: bool = Field(default=False, description="Use only models on this machine.")
    private: bool = Field(
        default=False, description="The messages contain private data: they do not leave this machine."
    )
    require_quality: float = Field(
        default=0.0, ge=0, le=1, description="The lowest quality to accept; above 0.9: the top tier."
    )
    task_type: TaskType = Field(default="general", description="Prefer models that are good at it.")
    max_cost: float | None = Field(
        default=None, ge=0, description="If a call costs more, use a local model.", json_schema_extra={"unit": "USD"}
    )
    allow_unpriced: bool = Field(default=False, description="Allow cloud models whose price is unknown.")


class Account(Frozen):
    """Who pays. The budget of each scope given here, and of `global`, must have enough left."""

    owner: Name = Field(default="local", description="The owner of the answer.")
    project: Name = "default"
    key: Name | None = Field(default=None, description="The API key of the request.")
    task: Name | None = Field(default=None, description="The task of the request.")
    agent: Name | None = None
    run: Name | None = Field(default=None, description="The run of the task.")


class Question(Frozen):
    """The options that all requests to models share."""

    model: str = Field(
        default="auto", description="Such as `ollama/llama3.2`; `auto`, `auto:code` or `local/auto` choose one."
    )
    timeout: float = Field(
        default=600.0,
        gt=0,
        description="Time limit for the whole answer, retries included.",
        json_schema_extra={"unit": "s"},
    )
    wishes: Wishes = Wishes()
    account: Account = Account()

    @classmethod
    def _of(cls, words: Mapping[str, Any], options: Mapping[str, Any]) -> Self:
        """A request from flat options, including the fields of `Wishes` and `Account`."""
        parts: dict[str, dict[str, Any]] = {"wishes": {}, "account": {}}
        own = dict(words)
        for name, value in options.items():
            if name in Wishes.model_fields:
                parts["wishes"][name] = value
            elif name in Account.model_fields:
                parts["account"][name] = value
            elif name in cls.model_fields:
                own[name] = value
            else:
                known = {*cls.model_fields, *Wishes.model_fields, *Account.model_fields} - {"wishes", "account"}
                raise NotFound.among("option of a request", name, known)
        try:
            return cls.model_validate({**{name: given for name, given in parts.items() if given}, **own})
        except ValidationError as error:
            refused = InvalidParams(f"The request cannot be used: {problems(error, cls)}")
            refused.param = _field(error)
            raise refused from None


def _field(error: ValidationError) -> str | None:
    """The option with the first error, such as `messages[0]`."""
    place = [part for part in error.errors(include_url=False)[0]["loc"] if part not in ("wishes", "account")]
    index = f"[{place[1]}]" if len(place) > 1 and isinstance(place[1], int) else ""
    return f"{place[0]}{index}" if place else None


class ChatRequest(Question):
    """A request for an answer of a language model."""

    messages: tuple[Message, ...] = Field(min_length=1)
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] = "auto"
    answer_schema: dict[str, JsonValue] | None = Field(
        default=None, description="JSON Schema that the answer must follow."
    )
    max_tokens: int | None = Field(default=None, ge=1, description="Limit of the answer, reasoning included.")
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    cache: bool = Field(
        default=False, description="Give the stored answer of an identical request, and store this one."
    )
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @classmethod
    def of(cls, prompt: str | Sequence[Message] | ChatRequest, /, *, system: str | None = None, **options: Any) -> Self:
        """A request from text or turns: `ChatRequest.of("Hello", model="mlx/smol", require_local=True)`.

        Raises `InvalidParams` for invalid values, and `NotFound` for an unknown option.
        """
        if isinstance(prompt, cls) and not options and system is None:
            return prompt
        if isinstance(prompt, ChatRequest):
            raise InvalidParams("A whole request cannot be combined with options.", hint="Set them in the request.")
        if not isinstance(prompt, Iterable) or isinstance(prompt, bytes):
            raise InvalidParams(f"{quoted(prompt)} is not a prompt.", hint="Give text, messages or a request.")
        if isinstance(prompt, Mapping | Message):
            raise InvalidParams(f"{quoted(prompt)} is a single message.", hint="Put it in a list.")
        turns: Sequence[Any] = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        before = [{"role": "system", "content": system}] if system else []
        return cls._of({"messages": (*before, *turns)}, options)

    @property
    def sampling(self) -> tuple[str, ...]:
        """The sampling parameters that were given."""
        return tuple(name for name in ("temperature", "top_p", "seed") if getattr(self, name) is not None)


class EmbedRequest(Question):
    """A request for the vectors of texts."""

    texts: tuple[str, ...] = Field(min_length=1)
    dimensions: int | None = Field(default=None, ge=1)

    @classmethod
    def of(cls, texts: str | Sequence[str], /, **options: Any) -> Self:
        """A request from texts. Raises the same errors as `ChatRequest.of`."""
        if not isinstance(texts, Iterable):
            raise InvalidParams(f"{quoted(texts)} is not a text to embed.", hint="Give text, or a list of texts.")
        return cls._of({"texts": (texts,) if isinstance(texts, str) else tuple(texts)}, options)


class Usage(Frozen):
    """The usage of a call. `input` counts all tokens read, cached or not; `output` all written, with the reasoning."""

    input: int = Field(default=0, ge=0)
    output: int = Field(default=0, ge=0)
    cached: int = Field(default=0, ge=0, description="Part of the input, read from the provider's cache.")
    cache_written: int = Field(default=0, ge=0, description="Part of the input, written to the provider's cache.")
    reasoning: int = Field(default=0, ge=0, description="Part of the output.")
    seconds: float = Field(default=0.0, ge=0, description="Sound, read or generated.", json_schema_extra={"unit": "s"})
    characters: int = Field(default=0, ge=0, description="Text that was converted to speech.")
    estimated: bool = Field(default=False, description="Estimated, because the server did not report it.")

    def __add__(self, other: Usage) -> Usage:
        """The usage of two calls together."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields}
        return Usage.model_validate({**counts, "estimated": self.estimated or other.estimated})


class ModelWarning(NamedTuple):
    """A backend warns of a degradation: it becomes a coded warning of the answer."""

    code: str
    message: str


@dataclass(slots=True)
class Delta:
    """A piece of a streamed answer; tool calls are complete, `usage` and `finish` come at the end."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: FinishReason | None = None
    usage: Usage | None = None
    model: str | None = None
    """The server's name of the model, if it differs from the requested one."""
    warnings: tuple[ModelWarning, ...] = ()


@dataclass(slots=True)
class Reply:
    """A whole answer of a backend."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: FinishReason = "stop"
    usage: Usage | None = None
    model: str | None = None
    warnings: tuple[ModelWarning, ...] = ()

    @property
    def delta(self) -> Delta:
        """The answer as one piece of a stream."""
        return Delta(self.text, self.reasoning, self.tool_calls, self.finish, self.usage, self.model, self.warnings)


@dataclass(slots=True)
class Vectors:
    """The vectors of a backend: one for each text, all of the same length."""

    vectors: list[list[float]]
    usage: Usage | None = None
    model: str | None = None
