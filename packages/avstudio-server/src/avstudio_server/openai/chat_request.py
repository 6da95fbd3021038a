"""The body of a request for a chat completion, and what it means to the gateway."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from avstudio_core.chat import ChatRequest, Wishes
from avstudio_server.openai.errors import refusal

OURS = ("require_local", "private", "require_quality", "task_type", "max_cost", "allow_unpriced", "cache", "timeout")
"""Fields that OpenAI does not have: how a model is chosen."""
SAME = ("model", "temperature", "top_p", "seed", "stop")
"""Fields that have the same name and meaning here."""
REFUSED = (
    "n",
    "logprobs",
    "top_logprobs",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "modalities",
    "audio",
    "functions",
    "function_call",
    "web_search_options",
)
"""Fields that would give another kind of answer: they may be absent, empty, 0 or as in `HARMLESS`."""
HARMLESS: dict[str, Any] = {"n": 1, "modalities": ["text"]}
NAME = re.compile(r"\w{1,40}", re.ASCII)
MOST_IGNORED = 20
"""The most fields that an answer lists as ignored."""


class StreamOptions(BaseModel):
    """What a stream contains besides the answer."""

    include_usage: bool = False


class JsonSchema(BaseModel):
    """The schema of a structured answer."""

    name: str = ""
    schema_: dict[str, JsonValue] = Field(default={}, alias="schema")


class ResponseFormat(BaseModel):
    """The form of an answer."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None


class NamedFunction(BaseModel):
    """The function that a model must call."""

    name: str


class NamedTool(BaseModel):
    """The tool that a model must call."""

    type: Literal["function"] = "function"
    function: NamedFunction


Number = Annotated[float, Field(allow_inf_nan=False)]


class ChatCompletionRequest(BaseModel):
    """A request in OpenAI's form.

    What would give another kind of answer, and cannot be followed, is refused. Other fields are ignored, and a header
    of the answer lists them.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model: str = "auto"
    messages: list[dict[str, JsonValue]] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: list[dict[str, JsonValue]] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: Number | None = Field(default=None, ge=0, le=2)
    top_p: Number | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = Field(default=None, ge=1)
    logprobs: bool | None = None
    frequency_penalty: Number | None = None
    presence_penalty: Number | None = None
    logit_bias: dict[str, Number] | None = None
    top_logprobs: int | None = None
    modalities: list[str] | None = None
    audio: JsonValue = None
    functions: JsonValue = None
    function_call: JsonValue = None
    web_search_options: JsonValue = None
    require_local: bool | None = Field(default=None, description=Wishes.model_fields["require_local"].description)
    private: bool | None = Field(default=None, description=Wishes.model_fields["private"].description)
    require_quality: Number | None = Field(default=None, ge=0, le=1)
    task_type: Literal["general", "code", "creative"] | None = None
    max_cost: Number | None = Field(default=None, ge=0)
    allow_unpriced: bool | None = None
    cache: bool | None = None
    timeout: Number | None = Field(default=None, gt=0)

    def request(self) -> ChatRequest:
        """The request to the gateway. Raises `InvalidParams`."""
        self._refuse_unsupported()
        given = {name: value for name in (*SAME, *OURS) if (value := getattr(self, name)) is not None}
        most = self.max_completion_tokens or self.max_tokens
        given |= {"max_tokens": most} if most else {}
        given |= self._tools() | self._schema()
        return ChatRequest.of(self.messages, **given)  # type: ignore[arg-type]

    def ignored(self) -> dict[str, str]:
        """The header with the fields that were ignored."""
        names = [name for name in self.model_extra or {} if NAME.fullmatch(name)][:MOST_IGNORED]
        return {"x-avs-ignored": ", ".join(names)} if names else {}

    def _refuse_unsupported(self) -> None:
        for name in REFUSED:
            given = getattr(self, name)
            if given and given != HARMLESS.get(name):
                raise refusal(name, f"'{name}' is not supported.", "Leave it out.")

    def _tools(self) -> dict[str, Any]:
        """The tools; a named one is the only one, and must be called."""
        if not isinstance(self.tool_choice, NamedTool):
            choice = {"tool_choice": self.tool_choice} if self.tool_choice and self.tools else {}
            return {"tools": self.tools or [], **choice}
        name = self.tool_choice.function.name
        named = [tool for tool in self.tools or [] if _name(tool) == name]
        if not named:
            raise refusal("tool_choice", f"No tool is named '{name}'.", "Choose one of 'tools'.")
        return {"tools": named, "tool_choice": "required"}

    def _schema(self) -> dict[str, Any]:
        form = self.response_format
        if form is None or form.type == "text":
            return {}
        if form.type == "json_object":
            return {"answer_schema": {"type": "object"}}
        if form.json_schema is None:
            raise refusal("response_format", "'response_format' lacks 'json_schema'.", "Give the schema of the answer.")
        return {"answer_schema": form.json_schema.schema_}


def _name(tool: dict[str, Any]) -> Any:
    function = tool.get("function")
    return function.get("name") if isinstance(function, dict) else tool.get("name")
