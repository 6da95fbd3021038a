"""A plugin of small processors that put an executor through its paces."""

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
from avstudio_core.results import Needs, Params, Result


class CopyParams(Params):
    suffix: str = Field(default="", description="Text to append to the copy.")


class CopyResult(Result):
    copied: Artifact = Field(description="The copy.")


class Copy(Processor[CopyParams, CopyResult]):
    """Copy a file, with a text at its end."""

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
    seconds: float = Field(default=0.0, ge=0, description="How long to wait.", json_schema_extra={"unit": "s"})


class Wait(Processor[WaitParams, Result]):
    """Wait, and stop when asked to."""

    name = "exercise.wait"
    cacheable = False

    def run(self, source: None, params: WaitParams, context: Context) -> Result:
        end = time.monotonic() + params.seconds
        context.progress(0.0, "waiting")
        while time.monotonic() < end:
            context.check()
            time.sleep(0.005)
        return Result()


class FailParams(Params):
    message: str = Field(default="as asked", description="What to say.")


class Fail(Processor[FailParams, Result]):
    """Fail."""

    name = "exercise.fail"

    def run(self, source: None, params: FailParams, context: Context) -> Result:
        context.check()
        raise RuntimeError(params.message)


class LoadParams(Params):
    model: str = Field(default="small", description="The model that is pretended to be loaded.")
    memory_mb: int = Field(default=1, ge=1, description="What it is said to take.", json_schema_extra={"unit": "MB"})


class LoadResult(Result):
    loads: int = Field(description="How often this process has loaded a model by now.")
    process: int = Field(description="The process that ran the job.")


class Load(Processor[LoadParams, LoadResult]):
    """Use a model that stays loaded between jobs."""

    name = "exercise.load"
    cacheable = False
    loads = 0

    def needs(self, params: LoadParams, source: Artifact | None) -> Needs:
        return Needs(family="exercise", model=params.model, model_digest="0", memory_mb=params.memory_mb)

    def run(self, source: None, params: LoadParams, context: Context) -> LoadResult:
        context.model("model", self._load)
        return LoadResult(loads=Load.loads, process=os.getpid())

    def _load(self) -> object:
        Load.loads += 1
        return object()


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    return [Copy, Wait, Fail, Load]
