"""Who could answer a request to a language model, and who does."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core.language_models import Model


class Estimate(BaseModel):
    """What a call is expected to take; `most_micro` is what it can cost at most, and what is reserved."""

    model_config = ConfigDict(frozen=True)

    input_tokens: int
    output_tokens: int
    cost_micro: int | None = Field(
        default=None, description="Millionths of a dollar; `None` where the price is not known."
    )
    most_micro: int | None = None


class Candidate(BaseModel):
    """A model that could answer, or the reason why it cannot."""

    model_config = ConfigDict(frozen=True)

    model: Model
    estimate: Estimate
    obstacle: str | None = Field(
        default=None, description="Not installed, no key, no memory, over budget …; `None` if free."
    )


class Rejected(BaseModel):
    """A model that was not chosen."""

    model_config = ConfigDict(frozen=True)

    model: str
    reason: str


class RouteDecision(BaseModel):
    """Who answers and why: the rule, the others in the order in which they would be tried, those who cannot."""

    model_config = ConfigDict(frozen=True)

    rule: str
    reason: str = Field(description="The rule in words.")
    chosen: str
    context: int | None = Field(default=None, description="Tokens that the chosen model takes in, where that is known.")
    estimate: Estimate
    fallbacks: tuple[str, ...] = Field(
        default=(), description="Tried in this order when the chosen one fails before a word."
    )
    rejected: tuple[Rejected, ...] = ()
