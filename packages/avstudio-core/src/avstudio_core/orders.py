"""The messages between a studio and an executor about a job."""

from __future__ import annotations

import math
import os
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, JsonValue

from avstudio_core.artifact import Artifact, Trust
from avstudio_core.documents.searchable import SearchText
from avstudio_core.errors import PluginError
from avstudio_core.model_requests import Ask
from avstudio_core.results import Needs, Review

MOST_RESULT = 64 << 20
"""The most characters of a result as JSON. More would make every list of tasks slow; files have no such limit."""


class Order(BaseModel):
    """All that a worker needs to run one job."""

    job_id: str
    task_id: str
    processor: str
    version: str
    params: dict[str, JsonValue]
    source: Artifact | None = None
    source_path: Path = Path()
    files: tuple[Artifact, ...] = ()
    """The files of its parameters."""
    paths: dict[str, Path] = {}
    """Where the content of these files is, by sha256."""
    needs: Needs
    folder: Path
    """The job's folder, created at its first use; files that are staged in it are published with the result."""
    project: str = "default"
    run: str | None = None
    """The run to which the task belongs."""
    deadline: float | None = None
    """When the run must have ended, in seconds since 1970."""
    private: bool = False
    """Whether its requests to language models must stay on this machine."""
    owner: str = Field(default="local", exclude=True)
    key: str | None = Field(default=None, exclude=True)
    """The API key that pays for its calls to language models; workers do not get it."""
    attempt: int = 1
    feedback: str | None = None
    strict: bool = False

    trust: Trust = "media"
    """How far its results are trusted: as the least trusted of its sources."""

    @property
    def parents(self) -> tuple[str, ...]:
        """The ids of all files that the run reads, the source first."""
        found = ([self.source] if self.source else []) + list(self.files)
        return tuple(dict.fromkeys(artifact.id for artifact in found))

    def refuse_large(self, result: str) -> None:
        """Raises `PluginError` if its result is too large for a row of the database."""
        if len(result) > MOST_RESULT:
            message = (
                f"{self.processor} returned a result of {len(result) >> 20} MB, and the most is {MOST_RESULT >> 20}."
            )
            raise PluginError(message, hint="Publish a file with the data.")

    def refuse_foreign(self, found: Iterable[Artifact], made: Container[str]) -> None:
        """Raises `PluginError` if one of the files of its result is neither one that it reads nor one that it made.

        `made` are the sha256 of the files that it made.
        """
        read = {one.id: one.sha256 for one in ([self.source] if self.source else []) + list(self.files)}
        for one in found:
            if read.get(one.id) != one.sha256 and (one.id in read or one.sha256 not in made):
                message = f"{self.processor} returned the file '{one.name}', which it neither read nor published."
                raise PluginError(message, hint="Return what 'context.publish' returned, or a file that was given.")

    @property
    def contents(self) -> frozenset[str]:
        """The sha256 of all files that the run reads."""
        return frozenset(artifact.sha256 for artifact in ([self.source] if self.source else []) + list(self.files))

    @property
    def described(self) -> dict[str, JsonValue]:
        """The parameters as a result shows them: with the ids of files."""
        return self._with({artifact.id: artifact.id for artifact in self.files})

    @property
    def content(self) -> dict[str, JsonValue]:
        """The parameters with the sha256 of files: equal content gives an equal result."""
        return self._with({artifact.id: artifact.sha256 for artifact in self.files})

    def _with(self, files: Mapping[str, str]) -> dict[str, JsonValue]:
        return {name: _described(value, files) for name, value in self.params.items()} if files else self.params

    def limit(self, limit_seconds: float) -> float:
        """The time limit of the run in seconds: the smaller of its processor's limit and the setting's, 0 for none."""
        return min(self.needs.limit_seconds or math.inf, limit_seconds or math.inf)

    def shown(self, message: str) -> str:
        """A message for the user, with the source's name instead of the store's path."""
        if self.source is not None:
            message = message.replace(str(self.source_path), self.source.name)
        for file in self.files:
            message = message.replace(str(self.paths[file.sha256]), file.name)
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
    texts: tuple[SearchText, ...] = ()
    """What a search of the library finds of the result."""
    review: Review | None = None
    code: str = ""
    base: str = ""
    """The code of the core's error that it is a kind of, if it is a plugin's."""
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


def _described(value: JsonValue, files: Mapping[str, str]) -> JsonValue:
    if isinstance(value, list):
        return [_described(one, files) for one in value]
    name = value.get("id") if isinstance(value, dict) else None
    return files.get(name, value) if isinstance(name, str) else value
