"""Where jobs run."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, JsonValue

from avstudio_core.artifact import Artifact
from avstudio_core.kinds.processor import Needs, Review
from avstudio_core.model_requests import Ask, Tell

if TYPE_CHECKING:
    from avstudio_core.kinds.processor import Processor
    from avstudio_core.kinds.weights import Shelf
    from avstudio_core.models.pool import Pool
    from avstudio_core.settings import Settings


class Host(Protocol):
    """What a studio lends to its executor."""

    @property
    def settings(self) -> Settings: ...

    @property
    def shelf(self) -> Shelf: ...

    @property
    def pool(self) -> Pool: ...

    @property
    def extra_modules(self) -> list[str]:
        """Plugins that were added by hand, which worker processes must import too."""
        ...

    def processor(self, name: str) -> Processor[Any, Any]: ...

    def ask(self, ask: Ask, tell: Tell) -> Callable[[], None]:
        """Ask a language model for a run; `tell` is called from another thread. What it returns gives up."""
        ...

    def distribution(self, name: str) -> str:
        """The installed package that brought a processor."""
        ...


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

    def told(self, message: str) -> str:
        """A message as its user should read it: with the source's name, not with the store's path."""
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
    traceback: str = ""
    retryable: bool = False
    memory_mb: int = 0
    request_id: str = ""
    """Which answer of a language model a `token` belongs to."""
    complete: bool = False
    """Whether a `token` ends its answer."""
    ask: Ask | None = None
    """The request to a language model that is made, or given up; it stays within the executor."""

    @property
    def final(self) -> bool:
        return self.kind in ("done", "failed", "cancelled", "lost")


class Executor(ABC):
    """Runs orders and reports on them; each order gets exactly one final report."""

    name: ClassVar[str]

    def __init__(self, host: Host, report: Callable[[Report], None]) -> None:
        self.host = host
        self.report = report

    @abstractmethod
    def room(self, lane: str) -> int:
        """How many more orders of a lane may be handed over now."""

    @abstractmethod
    def start(self, order: Order) -> None:
        """Take an order. Returns at once; reports come on the executor's own threads."""

    @abstractmethod
    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; a local one is made to stop when it does not."""

    @abstractmethod
    def close(self) -> None:
        """Stop all that runs and free what is held. Jobs still running are reported `lost`."""
