"""The messages between a studio and an executor about a job."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, JsonValue

from avstudio_core.artifact import Artifact
from avstudio_core.model_requests import Ask
from avstudio_core.results import Needs, Review


class Order(BaseModel):
    """All that a worker needs to run one job."""

    job_id: str
    task_id: str
    processor: str
    version: str
    params: dict[str, JsonValue]
    source: Artifact | None = None
    source_path: Path = Path()
    needs: Needs
    folder: Path
    """The job's folder, created at its first use; files that are staged in it are published with the result."""
    project: str = "default"
    attempt: int = 1
    feedback: str | None = None
    strict: bool = False

    def limit(self, limit_seconds: float) -> float:
        """The time limit of the run in seconds: the smaller of its processor's limit and the setting's, 0 for none."""
        return min(self.needs.limit_seconds or math.inf, limit_seconds or math.inf)

    def shown(self, message: str) -> str:
        """A message for the user, with the source's name instead of the store's path."""
        if self.source is not None:
            message = message.replace(str(self.source_path), self.source.name)
        return message.replace(f"{self.folder / 'new'}{os.sep}", "")


class Report(BaseModel):
    """A worker's report about a job. `done`, `failed`, `cancelled` and `lost` are final."""

    job_id: str
    kind: Literal[
        "started",
        "progress",
        "log",
        "refused",
        "token",
        "ask",
        "give_up",
        "reviewing",
        "done",
        "failed",
        "cancelled",
        "lost",
    ]
    percent: float = 0.0
    message: str = ""
    result: str = ""
    """The result as JSON; it is parsed where its type is known."""
    review: Review | None = None
    code: str = ""
    hint: str = ""
    traceback: str = ""
    retryable: bool = False
    memory_mb: int = 0
    unclean: bool = False
    """Whether the run changed its process in a way that could affect later jobs."""
    request_id: str = ""
    """The answer of a language model to which a `token` belongs."""
    complete: bool = False
    """Whether a `token` ends its answer."""
    host: str = ""
    """The host of a connection that was `refused`, for the reason in `message`."""
    ask: Ask | None = None
    """The request to a language model that is sent or cancelled; it does not leave the executor."""

    @property
    def final(self) -> bool:
        return self.kind in ("done", "failed", "cancelled", "lost")
