"""A picture that is encoded again, because its container does not take it or because subtitles are drawn on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from avstudio_video.encoding.video_track import VideoEncoding, VideoShape, VideoTrack
from avstudio_video.muxer.feeds import Feed
from avstudio_video.muxer.inputs import Wanted

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


class TimedFrame(NamedTuple):
    """A frame on the screen from `start` to `end`, in seconds of the new file."""

    frame: VideoFrame
    start: Fraction
    end: Fraction


class PictureFrames(Protocol):
    """The frames of a stream, as they are encoded."""

    @property
    def shape(self) -> VideoShape:
        """Size, rate and colours of all frames."""
        ...

    def frames(self) -> Iterator[TimedFrame]:
        """The frames in the order in which they are shown."""
        ...

    def tell(self, written: str) -> None:
        """Warn about damage in them, and about what the pixel format loses in which they were written."""
        ...


@dataclass(frozen=True)
class PictureEncoding:
    """How the pictures of a file are encoded, and what gives their frames."""

    encoding: VideoEncoding
    pictures: Callable[[Wanted], PictureFrames]


@dataclass(frozen=True)
class EncodedPicture:
    """A track of frames that are read, and encoded, beside the packets of the inputs."""

    pictures: PictureFrames
    track: VideoTrack
    end: Fraction | None
    """The end of the new file, if something is cut there."""

    def feed(self) -> Feed:
        """What writes each frame."""
        until = Fraction(0)
        for frame, start, end in self.pictures.frames():
            if self.end is not None and start >= self.end:
                break
            yield start, partial(self.track.write, frame, start)
            until = end if self.end is None else min(end, self.end)
        yield until, partial(self.track.finish, until)
