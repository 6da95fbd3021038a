"""Events about tasks and budgets, for interfaces and plugins."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

EventType = Literal[
    "task.submitted",
    "task.started",
    "task.progress",
    "task.log",
    "task.reviewing",
    "task.completed",
    "task.failed",
    "task.blocked",
    "task.retried",
    "budget.alert",
    "llm.token",
]


class Event(BaseModel):
    """A numbered, stored fact about a task, in the form that interfaces send."""

    model_config = ConfigDict(frozen=True)

    seq: int
    time: float
    task_id: str
    type: EventType
    data: dict[str, JsonValue]
