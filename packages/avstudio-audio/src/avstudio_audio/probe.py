"""`audio.probe`: the contents of a media file."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from avstudio_audio.media.contents import Contents
from avstudio_audio.vocabulary import ProbeWords
from avstudio_core import Artifact, Context, Params, Processor, Result


class ProbeParams(Params):
    """No parameters."""


class ProbeResult(Result):
    """The streams of the file, and facts about the whole file."""

    contents: Contents = Field(description="Container, streams and tags.")


class Probe(ProbeWords, Processor[ProbeParams, ProbeResult]):
    """Show the contents of a media file: container, length, audio and video streams, tags.

    It includes tags, cover, chapters, ReplayGain, and what the encoder added. Nothing is decoded, so this is fast for
    files of any length.
    """

    name: ClassVar[str] = "audio.probe"
    version: ClassVar[str] = "2"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def run(self, source: Artifact, params: ProbeParams, context: Context) -> ProbeResult:
        from avstudio_audio.media.contents import probe
        from avstudio_audio.media.limits import Limits

        context.check()
        return ProbeResult(contents=probe(source.path, Limits.of(context.settings)))
