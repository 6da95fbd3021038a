"""The result of a step, as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core import Artifact, Task


@dataclass
class StepResult:
    """A step that is done: its task, its result, and where each of its files lies, by output name."""

    task: Task
    result: Any
    artifacts: dict[str, Artifact]
    files: dict[str, Path]

    def data(self) -> dict[str, Any]:
        """The result for programs: its files by output name, and the result as it is declared."""
        files = {name: str(path.absolute()) for name, path in self.files.items()}
        result = self.result.model_dump(mode="json")
        return {"task": self.task.id, "processor": self.task.processor, "files": files, "result": result}


def step_result(task: Task, result: Any) -> StepResult:
    """The result as the data folder holds it."""
    from avstudio_core.artifact import artifacts_in

    artifacts = artifacts_in(result)
    return StepResult(task, result, artifacts, {name: artifact.path for name, artifact in artifacts.items()})
