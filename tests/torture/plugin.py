"""The work of the torture test: processors that each publish one artifact with known content."""

from __future__ import annotations

import os
import random
import time
from typing import Any

from pydantic import Field
from tests.torture import crashes

from avstudio_core import Artifact, Context, Params, Processor, Result, hookimpl

if specification := os.environ.get("TORTURE_CRASH"):  # set by a tortured studio for its workers
    crashes.install(specification)


def content(number: int) -> bytes:
    """What task `number` must make: some make the same as others, so that files are shared."""
    return random.Random(number // 3).randbytes(2000 + number % 7 * 5000)


class Numbered(Params):
    number: int = Field(description="Decides what is made, and how long it takes.")


class Made(Result):
    file: Artifact


class Write(Processor[Numbered, Made]):
    """Make a file."""

    name = "torture.write"
    cacheable = False

    def outputs(self, params: Numbered) -> dict[str, str]:
        return {"file": "text/plain"}

    def run(self, source: Artifact | None, params: Numbered, context: Context) -> Made:
        return _make(content(params.number), params, context)


class Copy(Processor[Numbered, Made]):
    """Make a file with the content of another."""

    name = "torture.copy"
    accepts = ("text/*",)
    cacheable = False

    def outputs(self, params: Numbered) -> dict[str, str]:
        return {"file": "text/plain"}

    def run(self, source: Artifact, params: Numbered, context: Context) -> Made:
        return _make(source.path.read_bytes(), params, context)


def _make(made: bytes, params: Numbered, context: Context) -> Made:
    context.progress(0.5, "half")
    time.sleep(params.number % 5 * 0.004)
    path = context.new_path("made.txt")
    path.write_bytes(made)
    return Made(file=context.publish(path, f"{params.number}.txt", "text/plain"))


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    return [Write, Copy]
