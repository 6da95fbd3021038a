"""The types that the queue and the engine exchange: new tasks, claims, results, limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from avstudio_core.artifact import Artifact
from avstudio_core.documents.searchable import SearchText
from avstudio_core.gateway.ledger.call_facts import Payer
from avstudio_core.storage.tables import LOCAL_OWNER

GENERAL = "general"
"""The lane of jobs without a model."""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to submit; `needs` are the ids of tasks in the same submission that must complete before it starts.

    Those in `after` must only have ended, with or without a result. `inputs` are the parameters that refer to files and
    values of other tasks; `files` are the ids of the stored files that it is given: its source and those that its
    parameters name.
    """

    id: str
    step: str
    processor: str
    params: str
    source: Mapping[str, Any] | None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    lane: str = GENERAL
    run_id: str | None = None


LOCAL_PAYER = Payer(LOCAL_OWNER)


class Claimed(NamedTuple):
    """The fields of a task that a run needs."""

    id: str
    step: str
    project: str
    owner: str
    run_id: str | None
    key: str | None
    origin: str
    processor: str
    params: str
    source: str | None
    inputs: str | None
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
    texts: Sequence[SearchText] = ()
    source: str | None = None
    """The artifact to which the times of the texts refer."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """By the id of an earlier artifact, that of a new one with the same content, and so the same texts."""
    cache_key: str | None = None
    cache_hit: bool = False
    continuation: Sequence[NewTask] = ()
    """The tasks of the plan in the result, to be stored when the task completes."""


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
