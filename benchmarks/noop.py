"""A processor that does nothing, to measure only the cost of a task."""

from __future__ import annotations

from typing import Any

from avstudio_core import Context, Params, Processor, Result, hookimpl


class Nothing(Processor[Params, Result]):
    """Do nothing."""

    name = "bench.nothing"
    cacheable = False

    def run(self, source: None, params: Params, context: Context) -> Result:
        return Result()


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    return [Nothing]
