"""What a caller gets: the answer, what it cost, and why this model gave it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from avstudio_core.chat import FinishReason, Message, ToolCall, Usage
from avstudio_core.results import CodedWarning
from avstudio_core.route_decision import RouteDecision


class Answered(BaseModel):
    """What every answer of a model says of itself."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    model: str = Field(description="`<backend>/<model>` that answered.")
    served_as: str | None = Field(default=None, description="What the server calls it, where it says so.")
    usage: Usage
    cost_micro: int = Field(description="Millionths of a dollar.")
    decision: RouteDecision
    warnings: tuple[CodedWarning, ...] = ()

    @property
    def cost(self) -> float:
        """US dollars."""
        return self.cost_micro / 1_000_000


class ChatAnswer(Answered):
    """What a model said."""

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    parsed: JsonValue = Field(default=None, description="The answer as data, where a schema was asked for.")
    finish: FinishReason = "stop"

    @property
    def message(self) -> Message:
        """The answer as the next turn's history."""
        return Message(role="assistant", content=self.text, tool_calls=self.tool_calls)


class Embedding(Answered):
    """Texts as vectors, in their order."""

    vectors: tuple[tuple[float, ...], ...]
