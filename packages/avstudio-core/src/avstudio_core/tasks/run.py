"""Runs: the tasks of a plan, and of the plans in their results, under common limits."""

from __future__ import annotations

from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from avstudio_core.errors import InvalidParams
from avstudio_core.money import LARGEST_MICRO, MICRO
from avstudio_core.tasks.states import State
from avstudio_core.validation import problems


class RunLimits(BaseModel):
    """What a run may use altogether; `None` means without a limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    money: float | None = Field(
        default=0.0, ge=0, le=LARGEST_MICRO / MICRO, allow_inf_nan=False, json_schema_extra={"unit": "USD"}
    )
    steps: int | None = Field(default=40, ge=1, lt=2**31, description="Tasks.")
    tokens: int | None = Field(
        default=200_000, ge=0, lt=2**53, description="Tokens that language models read and write."
    )
    seconds: float | None = Field(
        default=3600.0, gt=0, allow_inf_nan=False, description="Time from its start.", json_schema_extra={"unit": "s"}
    )
    private: bool = Field(
        default=False,
        description="Its requests to language models contain private data: they do not leave this machine.",
    )

    @field_validator("money", "steps", "tokens", "seconds", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        """A limit; `True` is not one, although pydantic takes it for 1."""
        if isinstance(value, bool):
            raise PydanticKnownError("float_type")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Raises `InvalidParams` instead of pydantic's error."""
        try:
            return validate(values)
        except ValidationError as error:
            raise InvalidParams(f"The limits of the run are not valid: {problems(error, cls)}.") from None


class Run(BaseModel):
    """A run as it is now, with the number of its tasks in each state."""

    model_config = ConfigDict(frozen=True)

    id: str
    owner: str
    project: str
    key: str | None
    limits: RunLimits
    used_steps: int
    used_tokens: int
    spent: float = Field(description="Cost of its calls to language models.", json_schema_extra={"unit": "USD"})
    deadline: float | None
    cancelling: bool
    created_at: float
    request: str | None = Field(default=None, description="A digest of what was asked under its key.")
    webhook: str | None = Field(default=None, description="The webhook that is notified of its events.")
    states: dict[State, int] = {}
