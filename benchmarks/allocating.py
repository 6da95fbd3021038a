"""A processor whose models are real memory: bytes that are written to, in the worker process that holds them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from avstudio_core import Artifact, Context, Needs, Params, Processor, Result, hookimpl

PROCESS_MB = 64
"""What a worker takes without a model."""


class Model(Params):
    model: str = Field(description="Which model, by name.")
    megabytes: int = Field(description="Memory of its process with the model.", json_schema_extra={"unit": "MB"})
    log: str = Field(description="A file that gets a line for each load.")
    request: int = Field(default=0, description="Tells requests apart.")


class Use(Processor[Model, Result]):
    """Use a model for some milliseconds."""

    name = "bench.use"
    cacheable: ClassVar[bool] = False

    def needs(self, params: Model, source: Artifact | None) -> Needs:
        return Needs(family="bench", model=params.model, model_digest=params.model, memory_mb=params.megabytes)

    def run(self, source: None, params: Model, context: Context) -> Result:
        held = context.model("bytes", lambda: _load(params))
        time.sleep(0.02)
        return Result(effective={"bytes": len(held)})


def _load(params: Model) -> bytearray:
    with Path(params.log).open("a", encoding="utf-8") as log:
        log.write(f"{params.model} {os.getpid()}\n")
    held = bytearray((params.megabytes - PROCESS_MB) << 20)
    for page in range(0, len(held), 4096):
        held[page] = 1
    return held


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    return [Use]
