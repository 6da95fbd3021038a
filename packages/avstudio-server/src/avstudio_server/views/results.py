"""The result of a step, as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core import Artifact, Task


@dataclass
class StepResult:
    """A finished step: its task, its result, and the path of each of its files by output name."""

    task: Task
    result: Any
    artifacts: dict[str, Artifact]
    files: dict[str, Path]

    def data(self) -> dict[str, Any]:
        """The result as JSON data: its files by output name, and the declared result."""
        files = {name: str(path.absolute()) for name, path in self.files.items()}
        result = self.result.model_dump(mode="json")
        return {"task": self.task.id, "processor": self.task.processor, "files": files, "result": result}


def step_result(task: Task, result: Any) -> StepResult:
    """A result whose files are those in the data folder."""
    from avstudio_core.artifact import artifacts_in

    artifacts = artifacts_in(result)
    return StepResult(task, result, artifacts, {name: artifact.path for name, artifact in artifacts.items()})
