"""Two models that take real memory, and note each time that one is loaded."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from avstudio_core import Context, Needs, Params, Processor, Result, hookimpl

HOLDS_MB, DECLARES_MB = 300, 380
"""What a model is, and what its worker process takes with it."""


class HungryParams(Params):
    model: Literal["one", "two"] = Field("one", description="Which model.")
    log: str = Field("", description="A file that gets a line for each load.")


class Hungry(Processor[HungryParams, Result]):
    """Hold much memory for a moment."""

    name = "bench.hungry"
    cacheable = False

    def needs(self, params: HungryParams, source: object) -> Needs:
        return Needs(family="bench", model=params.model, model_digest="-", memory_mb=DECLARES_MB)

    def run(self, source: None, params: HungryParams, context: Context) -> Result:
        def load() -> bytearray:
            with Path(params.log).open("a") as log:
                log.write(f"{params.model}\n")
            return bytearray(b"\1") * (HOLDS_MB << 20)

        context.model("weights", load)
        time.sleep(0.02)
        return Result()


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    return [Hungry]
