"""A plugin with small processors for testing executors."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from avstudio_core.artifact import Artifact
from avstudio_core.context import Context
from avstudio_core.hook_marker import hookimpl
from avstudio_core.kinds.processor import Processor
from avstudio_core.results import Needs, Params, Result, Review


class CopyParams(Params):
    suffix: str = Field(default="", description="Text to append to the copy.")


class CopyResult(Result):
    copied: Artifact = Field(description="The copy.")


class Copy(Processor[CopyParams, CopyResult]):
    """Copy a file, and append a text."""

    name = "exercise.copy"
    accepts = ("*/*",)

    def outputs(self, params: CopyParams) -> Mapping[str, str]:
        return {"copied": "application/octet-stream"}

    def run(self, source: Artifact, params: CopyParams, context: Context) -> CopyResult:
        context.progress(0.0, "copying")
        path = context.new_path("exercise")
        path.write_bytes(source.path.read_bytes() + params.suffix.encode())
        return CopyResult(copied=context.publish(path, source.name, "application/octet-stream"))


class WaitParams(Params):
    seconds: float = Field(default=0.0, ge=0, description="Seconds to wait.", json_schema_extra={"unit": "s"})
    limit: float | None = Field(
        default=None, gt=0, description="How long it may take.", json_schema_extra={"unit": "s"}
    )


class Wait(Processor[WaitParams, Result]):
    """Wait, and stop when cancelled."""

    name = "exercise.wait"
    cacheable = False

    def needs(self, params: WaitParams, source: Artifact | None) -> Needs:
        return Needs(limit_seconds=params.limit)

    def run(self, source: None, params: WaitParams, context: Context) -> Result:
        end = time.monotonic() + params.seconds
        context.progress(0.0, "waiting")
        while time.monotonic() < end:
            context.check()
            time.sleep(0.005)
        return Result()


class FailParams(Params):
    message: str = Field(default="as asked", description="Message of the error.")


class Fail(Processor[FailParams, Result]):
    """Fail."""

    name = "exercise.fail"

    def run(self, source: None, params: FailParams, context: Context) -> Result:
        context.check()
        raise RuntimeError(params.message)


class LoadParams(Params):
    model: str = Field(default="small", description="The name of the simulated model.")
    memory_mb: int = Field(
        default=1, ge=1, le=10**9, description="The declared memory of the model.", json_schema_extra={"unit": "MB"}
    )
    seconds: float = Field(
        default=0, ge=0, le=60, description="How long the model works.", json_schema_extra={"unit": "s"}
    )


class LoadResult(Result):
    loads: int = Field(description="How often this process has loaded a model.")
    process: int = Field(description="The id of the process that ran the job.")


class Load(Processor[LoadParams, LoadResult]):
    """Use a model that stays loaded between jobs."""

    name = "exercise.load"
    cacheable = False
    loads = 0

    def needs(self, params: LoadParams, source: Artifact | None) -> Needs:
        return Needs(family="exercise", model=params.model, model_digest="0", memory_mb=params.memory_mb)

    def run(self, source: None, params: LoadParams, context: Context) -> LoadResult:
        context.model("model", self._load)
        time.sleep(params.seconds)
        return LoadResult(loads=Load.loads, process=os.getpid())

    def _load(self) -> object:
        Load.loads += 1
        return object()


class AskParams(Params):
    model: str = Field(default="scripted/one", description="The language model to ask.")


class AskResult(Result):
    answer: str = Field(description="What the model answered.")
    pieces: list[str] = Field(description="The same as it came.")
    vectors: int = Field(description="How many texts became vectors.")


class Ask(Processor[AskParams, AskResult]):
    """Ask a language model."""

    name = "exercise.ask"
    cacheable = False

    def run(self, source: None, params: AskParams, context: Context) -> AskResult:
        pieces: list[str] = []
        answer = context.chat("Good morning!", model=params.model, on_text=pieces.append)
        embedding = context.embed(["one", "two"], model=params.model)
        return AskResult(answer=answer.text, pieces=pieces, vectors=len(embedding.vectors))


class RecallParams(Params):
    code: str = Field(default="exercise", description="The code of the warning.")


class RecallResult(Result):
    attempt: int = Field(description="Which attempt this is.")
    feedback: str | None = Field(description="Why the attempt before it was sent back.")


class Recall(Processor[RecallParams, RecallResult]):
    """Warn, be sent back once, and tell of it."""

    name = "exercise.recall"
    cacheable = False

    def run(self, source: None, params: RecallParams, context: Context) -> RecallResult:
        context.warn(params.code, "This is an exercise.")
        return RecallResult(attempt=context.attempt, feedback=context.feedback)

    def review(self, result: RecallResult, context: Context) -> Review:
        return Review.accept() if result.feedback else Review.send_back("once more")


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    return [Copy, Wait, Fail, Load, Ask, Recall]
