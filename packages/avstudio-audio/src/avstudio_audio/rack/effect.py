"""An effect: what all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from avstudio_core.nearest import did_you_mean
from avstudio_core.refusal import refusal

DAY = 86_400
MOST_POINTS = 10_000


class Automation(BaseModel):
    """The values of a parameter over time; before the first point and after the last one it does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    param: str = Field(description="Name of the parameter.")
    points: list[tuple[float, float]] = Field(
        min_length=1, max_length=MOST_POINTS, description="Times in seconds, each with the value at that time."
    )
    curve: Literal["linear", "exponential", "step"] = Field(
        default="linear",
        description="The way from one point to the next: 'exponential' suits frequencies, 'step' jumps.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [time for time, _ in self.points]
        if times[0] < 0 or any(late <= early for early, late in pairwise(times)):
            raise refusal(
                f"The times of the points of '{self.param}' do not increase", "Give them in order, from 0 s on."
            )
        if self.curve == "exponential" and min(value for _, value in self.points) <= 0:
            raise refusal(
                f"The exponential curve of '{self.param}' reaches 0", "Give values above 0, or another curve."
            )
        return self


class Effect(BaseModel):
    """One effect of a chain."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    plugin: ClassVar[str] = ""
    """The class of pedalboard."""
    attributes: ClassVar[Mapping[str, str]] = {}
    """What pedalboard calls the parameters that it takes."""
    fixed: ClassVar[tuple[str, ...]] = ()
    """Parameters that cannot change while sound goes through it."""
    blends: ClassVar[bool] = False
    """Whether pedalboard itself blends the sound with what comes out, by its parameter `mix`."""

    type: str
    mix: float = Field(
        default=1.0, ge=0, le=1, description="Part of the sound that goes through it; the rest is added."
    )
    bypass: bool = Field(default=False, description="Leave it out.")
    start: float = Field(
        default=0.0, ge=0, le=DAY, description="When it begins to work.", json_schema_extra={"unit": "s"}
    )
    end: float | None = Field(
        default=None,
        gt=0,
        description="When no more sound goes through it; its echoes still end.",
        json_schema_extra={"unit": "s"},
    )
    automation: list[Automation] = Field(default=[], description="Parameters that change over time.")

    @classmethod
    def own(cls) -> list[str]:
        """The names of the parameters that not all effects have, in their order."""
        return [name for name in cls.model_fields if name not in Effect.model_fields]

    @classmethod
    def automatable(cls) -> list[str]:
        """The names of the parameters that can change over time: the numbers that pedalboard takes at any time."""
        return [*(name for name in cls.attributes if name != "mix" and name not in cls.fixed), "mix"]

    def silence(self) -> float:
        """Seconds for which it may be silent before an echo; negative if it has no echoes at all."""
        return -1.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.end is not None and self.end <= self.start:
            message = f"The end '{self.end:g}' of the effect '{self.type}' is not after its start '{self.start:g}'"
            raise refusal(message, "Give a later end, in seconds.")
        names = [one.param for one in self.automation]
        if len(set(names)) < len(names):
            raise refusal(f"A parameter of '{self.type}' has two automations", "Give all points in one.")
        for one in self.automation:
            self._check(one)
        return self

    def _check(self, one: Automation) -> None:
        """Check an automation. Raises `PydanticCustomError`."""
        known = self.automatable()
        if one.param not in known:
            hint = did_you_mean(one.param, known) or f"These can: {', '.join(known)}."
            raise refusal(f"The parameter '{one.param}' of '{self.type}' cannot change over time", hint)
        low, high = bounds(type(self).model_fields[one.param])
        for _, value in one.points:
            if not low <= value <= high:
                message = f"'{one.param}' of '{self.type}' cannot become '{value:g}'"
                raise refusal(message, f"Give {low:g} to {high:g}.")


def bounds(field: FieldInfo) -> tuple[float, float]:
    """The lowest and the highest value of a parameter."""
    found: dict[str, Any] = {
        key: getattr(one, key) for one in field.metadata for key in ("ge", "le") if hasattr(one, key)
    }
    return found.get("ge", float("-inf")), found.get("le", float("inf"))
