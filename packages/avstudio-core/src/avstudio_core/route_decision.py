"""Which models could answer a request, and which one was chosen."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core.language_models import Model
from avstudio_core.money import MICRO, UNPRICED_MICRO, dollars


class Estimate(BaseModel):
    """The expected usage of a call; `most_micro` is its highest possible cost, which is reserved."""

    model_config = ConfigDict(frozen=True)

    input_tokens: int
    output_tokens: int
    cost_micro: int | None = Field(default=None, description="Millionths of a dollar; `None` if the price is unknown.")
    most_micro: int | None = None

    def exceeds(self, limit: float) -> bool:
        """Whether the cost is above a limit in dollars; an unknown cost is above 0, and below any other limit."""
        return (UNPRICED_MICRO if self.cost_micro is None else self.cost_micro) > limit * MICRO

    @property
    def in_words(self) -> str:
        return "its price is unknown" if self.cost_micro is None else f"it would cost about {dollars(self.cost_micro)}"


class Candidate(BaseModel):
    """A model that could answer, or the reason why it cannot."""

    model_config = ConfigDict(frozen=True)

    model: Model
    estimate: Estimate
    obstacle: str | None = Field(
        default=None, description="Not installed, no key, no memory, over budget …; `None` if it can answer."
    )
    hint: str = Field(default="", description="How to remove the obstacle.")
    passing: bool = Field(default=False, description="Whether the obstacle is an outage, so that a later try may work.")


class Rejected(BaseModel):
    """A model that was not chosen."""

    model_config = ConfigDict(frozen=True)

    model: str
    reason: str
    hint: str = ""


class RouteDecision(BaseModel):
    """Which model answers and why: the rule, the fallbacks in order, and the rejected models."""

    model_config = ConfigDict(frozen=True)

    rule: str
    reason: str = Field(description="The rule as a sentence.")
    chosen: str
    context: int | None = Field(default=None, description="Context of the chosen model in tokens, if known.")
    estimate: Estimate
    fallbacks: tuple[str, ...] = Field(
        default=(), description="Tried in this order if the chosen model fails before its answer begins."
    )
    rejected: tuple[Rejected, ...] = ()
