"""The answers that callers get, with their cost and the reason for the choice of the model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from avstudio_core.chat import FinishReason, Message, ToolCall, Usage
from avstudio_core.results import CodedWarning
from avstudio_core.route_decision import RouteDecision


class Answered(BaseModel):
    """The facts that every answer of a model has."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    model: str = Field(description="The model that answered: `<backend>/<model>`.")
    served_as: str | None = Field(default=None, description="The server's name of the model, if it reports one.")
    usage: Usage
    cost_micro: int = Field(description="Cost in millionths of a dollar.")
    decision: RouteDecision
    warnings: tuple[CodedWarning, ...] = ()
    cache_hit: bool = Field(default=False, description="It is the stored answer of an identical request, and is free.")

    @property
    def cost(self) -> float:
        """US dollars."""
        return self.cost_micro / 1_000_000


class ChatAnswer(Answered):
    """An answer as text."""

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    parsed: JsonValue = Field(default=None, description="The answer as data, if a schema was requested.")
    finish: FinishReason = "stop"

    @property
    def message(self) -> Message:
        """The answer as a message, for the history of the next turn."""
        return Message(role="assistant", content=self.text, tool_calls=self.tool_calls)


class Embedding(Answered):
    """Texts as vectors, in their order."""

    vectors: tuple[tuple[float, ...], ...]
