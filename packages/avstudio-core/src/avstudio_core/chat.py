"""What is said to language models, and what they answer: one vocabulary for every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator

from avstudio_core import openai_messages
from avstudio_core.errors import InvalidParams, NotFound
from avstudio_core.validation import problems

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
TaskType = Literal["general", "code", "creative"]


class Frozen(BaseModel):
    """A value: unknown fields are refused, and nothing changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Frozen):
    """Words."""

    type: Literal["text"] = "text"
    text: str


class Image(Frozen):
    """A picture, carried in the message: an address would have the model's server fetch it."""

    type: Literal["image"] = "image"
    media_type: str = Field(pattern=r"^image/[a-z0-9.+-]+$")
    data: str = Field(description="Base64.")


Part = Annotated[Text | Image, Field(discriminator="type")]


class ToolCall(Frozen):
    """A model asks for a tool. `id` pairs it with its answer; backends make one up where a server gives none."""

    id: str
    name: str
    arguments: dict[str, JsonValue] = {}


class Message(Frozen):
    """One turn. A tool's answer has the role `tool` and the id of the call that it answers."""

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
        """The words of all parts."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, Text))

    @property
    def images(self) -> int:
        return 0 if isinstance(self.content, str) else sum(isinstance(part, Image) for part in self.content)


class Tool(Frozen):
    """A function that a model may ask for."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str = ""
    parameters: dict[str, JsonValue] = Field(
        default={"type": "object", "properties": {}}, description="JSON Schema, nested."
    )


class Wishes(Frozen):
    """What the router is to go by."""

    require_local: bool = Field(default=False, description="Only models on this machine, and no fallback elsewhere.")
    private: bool = Field(default=False, description="The messages hold private data: they do not leave this machine.")
    require_quality: float = Field(default=0.0, ge=0, le=1, description="Above 0.9: a model of the top tier.")
    task_type: TaskType = Field(default="general", description="Picks models that are good at it.")
    max_cost: float | None = Field(
        default=None, ge=0, description="Above it a local model.", json_schema_extra={"unit": "USD"}
    )
    allow_unpriced: bool = Field(default=False, description="Allow cloud models whose price is unknown.")


class Account(Frozen):
    """Whose budgets pay: every scope that is named must have room, and `global` always."""

    project: str = "default"
    key: str | None = Field(default=None, description="The API key that asked.")
    task: str | None = Field(default=None, description="The task that asks.")
    agent: str | None = None


class Question(Frozen):
    """What every request to a model says besides its words."""

    model: str = Field(
        default="auto", description="`ollama/llama3.2`, say; `auto`, `auto:code` and `local/auto` choose."
    )
    timeout: float = Field(
        default=600.0, gt=0, description="For the whole answer, retries included.", json_schema_extra={"unit": "s"}
    )
    wishes: Wishes = Wishes()
    account: Account = Account()

    @classmethod
    def _of(cls, words: Mapping[str, Any], options: Mapping[str, Any]) -> Self:
        """A request from flat options: those of `Wishes` and of `Account` find their place."""
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
            raise InvalidParams(f"The request cannot be used: {problems(error, cls)}") from None


class ChatRequest(Question):
    """A question to a language model."""

    messages: tuple[Message, ...] = Field(min_length=1)
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] = "auto"
    answer_schema: dict[str, JsonValue] | None = Field(
        default=None, description="JSON Schema that the answer must fit."
    )
    max_tokens: int | None = Field(default=None, ge=1, description="The longest answer, reasoning included.")
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    stop: tuple[str, ...] = ()

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @classmethod
    def of(cls, prompt: str | Sequence[Message] | ChatRequest, /, *, system: str | None = None, **options: Any) -> Self:
        """A request from words or turns: `ChatRequest.of("Hello", model="mlx/smol", require_local=True)`.

        Raises `InvalidParams` for values that do not fit, `NotFound` for an option that there is not.
        """
        if isinstance(prompt, cls) and not options and system is None:
            return prompt
        if isinstance(prompt, ChatRequest):
            raise InvalidParams("A whole request cannot be combined with options.", hint="Set them in the request.")
        turns: Sequence[Any] = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        before = [{"role": "system", "content": system}] if system else []
        return cls._of({"messages": (*before, *turns)}, options)

    @property
    def sampling(self) -> tuple[str, ...]:
        """The sampling parameters that were given."""
        return tuple(name for name in ("temperature", "top_p", "seed") if getattr(self, name) is not None)


class EmbedRequest(Question):
    """Texts to turn into vectors."""

    texts: tuple[str, ...] = Field(min_length=1)
    dimensions: int | None = Field(default=None, ge=1)

    @classmethod
    def of(cls, texts: str | Sequence[str], /, **options: Any) -> Self:
        """A request from texts. Raises what `ChatRequest.of` raises."""
        return cls._of({"texts": (texts,) if isinstance(texts, str) else tuple(texts)}, options)


class Usage(Frozen):
    """What a call took. `input` counts all tokens read, cached or not; `output` all written, reasoning included."""

    input: int = Field(default=0, ge=0)
    output: int = Field(default=0, ge=0)
    cached: int = Field(default=0, ge=0, description="Of the input, read from the provider's cache.")
    cache_written: int = Field(default=0, ge=0, description="Of the input, written to the provider's cache.")
    reasoning: int = Field(default=0, ge=0, description="Of the output.")
    seconds: float = Field(default=0.0, ge=0, description="Of sound heard or made.", json_schema_extra={"unit": "s"})
    characters: int = Field(default=0, ge=0, description="Of text that was spoken.")
    estimated: bool = Field(default=False, description="Counted by us, because the server did not say.")

    def __add__(self, other: Usage) -> Usage:
        """Of two calls together."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields}
        return Usage.model_validate({**counts, "estimated": self.estimated or other.estimated})


@dataclass(slots=True)
class Delta:
    """A piece of an answer as it comes; tool calls come whole, `usage` and `finish` at the end."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: FinishReason | None = None
    usage: Usage | None = None
    model: str | None = None
    """The model as the server calls it, where that differs from the one asked for."""


@dataclass(slots=True)
class Reply:
    """A whole answer, as a backend gives it."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: FinishReason = "stop"
    usage: Usage | None = None
    model: str | None = None

    @property
    def delta(self) -> Delta:
        """The same as one piece of a stream."""
        return Delta(self.text, self.reasoning, self.tool_calls, self.finish, self.usage, self.model)


@dataclass(slots=True)
class Vectors:
    """What texts became, as a backend gives it: one vector a text, all of one length."""

    vectors: list[list[float]]
    usage: Usage | None = None
    model: str | None = None
