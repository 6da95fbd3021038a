"""`video.probe`: the contents of a video file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from avstudio_core import Artifact, Context, Params, Processor, Result, SearchText
from avstudio_video.errors import NoVideoStream
from avstudio_video.media.contents import Contents
from avstudio_video.vocabulary import ProbeWords


class ProbeParams(Params):
    """How exactly to look."""

    scan: bool = Field(
        default=True, description="Read all packets, for exact times; without it, only the headers are read."
    )


class ProbeResult(Result):
    """The streams of the file, and facts about the whole file."""

    contents: Contents = Field(description="Container, streams, chapters and tags.")

    def texts(self) -> Iterator[SearchText]:
        """Its tags as one text, and the titles of its chapters."""
        if tags := "; ".join(self.contents.tags.values()):
            yield SearchText(kind="tags", text=tags)
        for one in self.contents.chapters:
            if one.title:
                yield SearchText(kind="chapter", text=one.title, start=max(0.0, one.start), end=max(0.0, one.end))


class Probe(ProbeWords, Processor[ProbeParams, ProbeResult]):
    """Show the contents of a video file: streams, exact times, colour, chapters, subtitles and timecode.

    It says whether the frame rate is variable, how a picture is turned and stretched for the screen, and how far apart
    key frames are. Only the first frame of each video stream is decoded.
    """

    name: ClassVar[str] = "video.probe"
    accepts: ClassVar[tuple[str, ...]] = ("video/*", "audio/*", "image/*", "application/octet-stream")

    def run(self, source: Artifact, params: ProbeParams, context: Context) -> ProbeResult:
        from avstudio_video.media.contents import read_contents
        from avstudio_video.media.limits import Limits

        context.check()
        limits = Limits.of(context.settings)
        contents = read_contents(source.path, scan=params.scan, limits=limits, check=context.check, warn=context.warn)
        if not contents.video:
            raise NoVideoStream(
                f"'{source.path}' has no video stream.", hint="Use audio.probe if it is a recording of sound."
            )
        return ProbeResult(contents=contents)
