"""Tasks, and the options with which they are submitted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from avstudio_core.errors import AVStudioError, InvalidParams, TaskBlocked, TaskCancelled, TaskFailed
from avstudio_core.names import checked
from avstudio_core.tasks.states import State
from avstudio_core.validation import problems

CANCELLED = "cancelled"
DEPENDENCY = "dependency"
RETURNED = "returned"
PERSON = "person"
REVIEWER = re.compile(rf"processor|{PERSON}|agent:[A-Za-z][\w\-]*")
NO_REASON = "No reason was recorded."


def _reviewer(given: str) -> str:
    if not REVIEWER.fullmatch(given):
        raise ValueError("should be 'processor', 'person' or 'agent:NAME'")
    return given


class TaskOptions(BaseModel):
    """How a task is run, for any processor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priority: int = Field(
        default=0, ge=-100, le=100, description="Of the tasks of an owner, those with a higher number run first."
    )
    retries: int = Field(default=0, ge=0, le=20, description="How often to retry a failed run, with growing pauses.")
    strict: bool = Field(default=False, description="Treat warnings as errors.")
    cache: bool = Field(
        default=True, description="Use the result of an earlier identical run; without it, run again and replace it."
    )
    reviewer: Annotated[str, AfterValidator(_reviewer)] = Field(
        default="processor", description="Who reviews the finished run: 'processor', 'person' or 'agent:NAME'."
    )
    project: str = Field(default="default", strict=True, description="The project of the task.")

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Raises `InvalidParams` instead of pydantic's error, and `InvalidInput` for an invalid project name."""
        try:
            options = validate(values)
        except ValidationError as error:
            raise InvalidParams(f"The options of the task are not valid: {problems(error, cls)}.") from None
        checked(options.project, "name of a project")
        return options


class Problem(BaseModel):
    """Why a task failed or is blocked."""

    code: Annotated[str, AfterValidator(lambda code: code or AVStudioError.code)]
    message: Annotated[str, AfterValidator(lambda message: message.strip() or NO_REASON)]
    hint: str = ""
    base: str = ""
    """The code of the core's error that it is a kind of; empty if it is that error itself."""
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Problem:
        error = error if isinstance(error, AVStudioError) else AVStudioError(str(error))
        return cls(code=error.code, message=error.message, hint=error.hint)


class Task(BaseModel):
    """A task: one step of a plan, stored durably."""

    id: str
    plan_id: str
    run_id: str | None = None
    step: str
    project: str
    owner: str
    processor: str
    params: dict[str, JsonValue]
    source: dict[str, JsonValue] | None
    inputs: dict[str, JsonValue] | None
    state: State
    reason: str | None
    priority: int
    attempts: int
    strict: bool
    cache: bool
    reviewer: str
    feedback: str | None
    cancelling: bool
    result: dict[str, JsonValue] | None
    error: Problem | None
    percent: float
    message: str
    created_at: float
    started_at: float | None
    finished_at: float | None

    @classmethod
    def from_row(cls, row: Mapping[Any, Any]) -> Task:
        values = dict(row)
        for name in ("params", "source", "inputs", "result", "error"):
            values[name] = json.loads(values[name]) if values[name] else None
        return cls.model_validate(values)

    @property
    def waits_for_person(self) -> bool:
        """Whether it waits for a person's review, and not for its processor's own."""
        return self.waits_for_review and self.reviewer == PERSON

    @property
    def waits_for_review(self) -> bool:
        """Whether its run is over, and it waits for the review of a person or an agent."""
        return self.state is State.AWAITING_REVIEW and self.result is not None

    def failure(self) -> AVStudioError | None:
        """The error of this task, if it ended without a result."""
        error = self.error
        if self.reason == CANCELLED and self.state in (State.FAILED, State.BLOCKED):
            return TaskCancelled(f"Task '{self.id}' ({self.processor}) was cancelled.")
        if self.state is State.FAILED:
            error = error or Problem(code="error", message=NO_REASON)
            facts = {"cause": error.code, "base": error.base, "traceback": error.traceback}
            return TaskFailed(error.message, hint=error.hint, **facts)
        if self.state is State.BLOCKED:
            if error is not None:
                return TaskBlocked(error.message, hint=error.hint)
            return TaskBlocked(f"Task '{self.id}' ({self.processor}) is blocked: {self.reason}.")
        return None
