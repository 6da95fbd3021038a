"""A processor that decodes all the sound of a file."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from avstudio_core import Artifact, Context, Params, Processor, Result, hookimpl


class DecodeParams(Params):
    """No parameters."""


class DecodeResult(Result):
    samples: int = Field(description="Samples of each channel.")


class Decode(Processor[DecodeParams, DecodeResult]):
    """Decode all the sound of a file."""

    name = "hostile.decode"
    accepts = ("*/*",)

    def run(self, source: Artifact, params: DecodeParams, context: Context) -> DecodeResult:
        from avstudio_audio.media.decode import decode
        from avstudio_audio.media.limits import Limits

        found = decode(source.path, warn=context.warn, limits=Limits.of(context.settings))
        return DecodeResult(samples=found.data.shape[1])


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    return [Decode]
