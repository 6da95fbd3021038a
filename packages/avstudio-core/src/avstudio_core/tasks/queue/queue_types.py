"""The types that the queue and the engine exchange: new tasks, claims, results, limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from avstudio_core.artifact import Artifact

GENERAL = "general"
"""The lane of jobs without a model."""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to submit; `needs` are the ids of tasks in the same submission for which it waits."""

    id: str
    step: str
    processor: str
    params: str
    source: Mapping[str, Any] | None
    needs: tuple[str, ...] = ()
    lane: str = GENERAL


class Claimed(NamedTuple):
    """The fields of a task that a run needs."""

    id: str
    step: str
    project: str
    owner: str
    origin: str
    processor: str
    params: str
    source: str | None
    priority: int
    leads: bool
    attempts: int
    deliveries: int
    strict: bool
    cache: bool
    reviewer: str
    feedback: str | None
    fence: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A task that this studio has claimed: one job, with the fencing token that its result must have."""

    job_id: str
    task: Claimed = field(repr=False)
    attempt: int = 1
    apart: bool = False

    @property
    def task_id(self) -> str:
        return self.task.id

    @property
    def fence(self) -> int:
        return self.task.fence


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a run, to be published when the task completes."""

    result: str
    artifacts: Sequence[Artifact] = ()
    folder: Path = Path()
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cache_key: str | None = None
    cache_hit: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of a studio's jobs."""

    studio: str
    lease_seconds: float = 30.0
    max_deliveries: int = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """The tasks that a studio wants to claim: at most so many, of these processors, in one lane."""

    limit: int
    only: Collection[str]
    lane: str = GENERAL
    own: bool = False
    """Whether to skip tasks of other studios."""
    apart: bool = False
    """Whether they will run in separate processes."""
