"""`audio.probe`: what a media file holds."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from avstudio_audio.media.contents import Contents
from avstudio_core import Artifact, Context, Params, Processor, Result


class ProbeParams(Params):
    """Nothing to choose."""


class ProbeResult(Result):
    """The streams of the file, and what is known of the whole."""

    contents: Contents = Field(description="Container, streams and tags.")


class Probe(Processor[ProbeParams, ProbeResult]):
    """Tell what a media file holds: container, length, audio and video streams, tags.

    Only headers are read, so the answer comes at once for a file of any length.
    """

    name: ClassVar[str] = "audio.probe"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def run(self, source: Artifact, params: ProbeParams, context: Context) -> ProbeResult:
        from avstudio_audio.media.contents import probe
        from avstudio_audio.media.limits import Limits

        context.check()
        return ProbeResult(contents=probe(source.path, Limits.of(context.settings)))
