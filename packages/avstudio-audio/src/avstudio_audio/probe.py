"""`audio.probe`: the contents of a media file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from avstudio_audio.media.contents import Contents
from avstudio_audio.vocabulary import ProbeWords
from avstudio_core import Artifact, Context, Params, Processor, Result, SearchText


class ProbeParams(Params):
    """No parameters."""


class ProbeResult(Result):
    """The streams of the file, and facts about the whole file."""

    contents: Contents = Field(description="Container, streams and tags.")

    def texts(self) -> Iterator[SearchText]:
        """Its tags as one text, and the titles of its chapters."""
        if tags := "; ".join(self.contents.tags.values()):
            yield SearchText(kind="tags", text=tags)
        for one in self.contents.chapters:
            if one.title:
                yield SearchText(kind="chapter", text=one.title, start=max(0.0, one.start), end=max(0.0, one.end))


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
