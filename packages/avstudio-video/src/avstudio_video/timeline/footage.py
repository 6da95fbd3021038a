"""One file that parts are taken from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Self

from avstudio_video.media.contents import Contents, read_contents
from avstudio_video.media.indexed import IndexedStream, index_stream
from avstudio_video.media.limits import Limits
from avstudio_video.media.sound_end import SoundEnd, sound_ends
from avstudio_video.media.stream_facts import SoundFacts, VideoFacts
from avstudio_video.media.streams import display_size
from avstudio_video.media.tags import file_tags
from avstudio_video.media.timecode import later
from avstudio_video.timeline.parts import FrameGrid


@dataclass(frozen=True)
class Footage:
    """A file with one of its video streams and its sound."""

    path: Path
    name: str
    """As users know it."""
    stream: IndexedStream
    contents: Contents
    sound_ends: dict[int, SoundEnd]
    """By the number of the stream."""

    @classmethod
    def read(cls, path: Path, name: str, wanted: int | None, limits: Limits, check: Callable[[], None]) -> Self:
        """Read all packets of a video stream, the best one by default, and the headers of the others.

        Raises `NoVideoStream`, `NotFound`, and `UnreadableMedia`.
        """
        stream = index_stream(path, wanted, limits, check)
        contents = read_contents(path, scan=False, limits=limits)
        heard = [one.index for one in contents.audio if one.rate and one.channels]
        ends = sound_ends(path, heard, float(FrameGrid(stream).end), limits) if heard else {}
        return cls(path, name, stream, contents, ends)

    def tell(self, warn: Callable[[str, str], None]) -> None:
        """Warn with `times_guessed`, `truncated`, `damaged` and `gaps`."""
        self.stream.tell(self.name, warn)
        for one in self.sound_ends.values():
            one.tell_short(self.name, float(self.grid.end), warn)

    @cached_property
    def grid(self) -> FrameGrid:
        """The times of its frames."""
        return FrameGrid(self.stream)

    @property
    def picture(self) -> VideoFacts:
        """What is known about the video stream."""
        return next(one for one in self.contents.video if one.index == self.stream.number)

    @property
    def display_size(self) -> tuple[int, int]:
        """The size of the picture on the screen."""
        return self.picture.display_width or 0, self.picture.display_height or 0

    @property
    def is_clear(self) -> bool:
        """Whether it is VP8 or VP9 and transparent in places, which only Matroska and WebM store."""
        return self.stream.index.clear > 0

    @property
    def sounds(self) -> list[SoundFacts]:
        """The audio streams that can be decoded."""
        return [one for one in self.contents.audio if one.rate and one.channels]

    @property
    def tags(self) -> dict[str, str]:
        """Those that a video of its parts keeps."""
        return file_tags(self.contents.tags, changed=True)

    def timecode(self, time: Fraction) -> str | None:
        """That of the frame at a time; `None` if the file does not state one, or does not have a constant rate."""
        stated, rate = self.contents.timecode, self.grid.rate
        return later(stated, rate, time - self.grid.start) if stated and rate else None

    @property
    def upright_size(self) -> tuple[int, int]:
        """The size of the stored pictures after their rotation."""
        return display_size(self.stream.width, self.stream.height, self.stream.rotation)
