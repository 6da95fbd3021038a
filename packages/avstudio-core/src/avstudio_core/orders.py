"""What a studio and an executor exchange about a job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, JsonValue

from avstudio_core.artifact import Artifact
from avstudio_core.model_requests import Ask
from avstudio_core.results import Needs, Review


class Order(BaseModel):
    """All that a worker must know to run one job."""

    job_id: str
    task_id: str
    processor: str
    version: str
    params: dict[str, JsonValue]
    source: Artifact | None = None
    source_path: Path = Path()
    needs: Needs
    folder: Path
    """A folder of this job's own, made when it is first needed: what is staged there is published with the result."""
    project: str = "default"
    attempt: int = 1
    feedback: str | None = None
    strict: bool = False

    def shown(self, message: str) -> str:
        """A message as a user should read it: with the source's name instead of the store's path."""
        if self.source is not None:
            message = message.replace(str(self.source_path), self.source.name)
        return message.replace(f"{self.folder / 'new'}{os.sep}", "")


class Report(BaseModel):
    """What a worker says about a job. `done`, `failed`, `cancelled` and `lost` are last words."""

    job_id: str
    kind: Literal["started", "progress", "log", "token", "ask", "give_up", "done", "failed", "cancelled", "lost"]
    percent: float = 0.0
    message: str = ""
    result: str = ""
    """JSON; it is parsed where the result's type is known."""
    review: Review | None = None
    code: str = ""
    hint: str = ""
    traceback: str = ""
    retryable: bool = False
    memory_mb: int = 0
    unclean: bool = False
    """Whether the run left something in its process that no later job should meet."""
    request_id: str = ""
    """Which answer of a language model a `token` belongs to."""
    complete: bool = False
    """Whether a `token` ends its answer."""
    ask: Ask | None = None
    """The request to a language model that is made, or given up; it stays within the executor."""

    @property
    def final(self) -> bool:
        return self.kind in ("done", "failed", "cancelled", "lost")
