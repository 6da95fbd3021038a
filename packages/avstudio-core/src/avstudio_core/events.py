"""Events about tasks, plans, messages and budgets, for interfaces and plugins."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, JsonValue, computed_field


class Event(BaseModel):
    """A numbered, stored fact about a subject, in the form that interfaces send.

    `subject` is the id of a task, a plan or a message, or the scope of a budget. An event about a task has the task's
    owner, project and plan.
    """

    model_config = ConfigDict(frozen=True)

    seq: int
    time: float
    subject: str
    type: str
    data: dict[str, JsonValue]
    owner: str = ""
    project: str | None = None
    plan: str | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def task_id(self) -> str:
        """The task; empty for an event about something else."""
        return str(self.data.get("task_id", ""))


@dataclass(frozen=True, slots=True)
class EventType:
    """A declared type of events, named `<noun>.<what happened>`: `agent.message`.

    Only the studio itself publishes the types that are `reserved`.
    """

    name: str
    help: str
    reserved: bool = False


CORE_TYPES = (
    EventType("task.submitted", "A task was stored.", reserved=True),
    EventType("task.started", "A run began.", reserved=True),
    EventType("task.progress", "A run reported its progress in percent.", reserved=True),
    EventType("task.log", "A run wrote a line.", reserved=True),
    EventType("task.reviewing", "A review began, or sent the run back.", reserved=True),
    EventType("task.completed", "A task has its result.", reserved=True),
    EventType("task.failed", "A run failed.", reserved=True),
    EventType("task.blocked", "A task cannot run.", reserved=True),
    EventType("task.retried", "A task will run again.", reserved=True),
    EventType("budget.alert", "A budget is spent to 60, 80 or 100 %.", reserved=True),
    EventType("llm.token", "A language model wrote a part of its answer to a run.", reserved=True),
    EventType("agent.message", "An agent wrote a message to the user or to another agent."),
)
"""The types that the core declares."""
