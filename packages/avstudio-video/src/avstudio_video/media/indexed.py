"""The index of one video stream of a file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import UnreadableMedia
from avstudio_video.media.colours import HLG, PQ
from avstudio_video.media.container import open_media
from avstudio_video.media.damage import Ending, tell_guessed, tell_lost
from avstudio_video.media.file_end import cut_short
from avstudio_video.media.first_frame import TRIES, first_of
from avstudio_video.media.hdr_notes import HdrNotes
from avstudio_video.media.index import PacketIndex
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import (
    chosen_video,
    is_mirrored,
    origin_of,
    read_only,
    rotation_of,
    stated_end,
)

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame


@dataclass(frozen=True)
class IndexedStream:
    """One video stream: its packets, and how its pictures are shown."""

    number: int
    """Its number among all streams of the file."""
    video_number: int
    """Its number among the video streams."""
    index: PacketIndex
    origin: Fraction
    """The start of the file in seconds."""
    width: int
    height: int
    """As the pictures are stored."""
    rotation: int
    aspect: Fraction
    rate: Fraction | None
    """The rate that the stream is meant for, in frames per second."""
    hdr: bool
    notes: HdrNotes
    """What its first picture tells beside its colours."""
    interlaced: bool
    mirrored: bool
    """Whether players show the mirror image, which is not done here."""
    stated_end: float
    """The end that the header of the file states, in seconds; 0 without one."""
    missing: str | None
    """What is missing at the end of the file."""

    @property
    def start(self) -> Fraction:
        """When the first frame is shown, in seconds."""
        return self.index.shown[0] * self.index.unit - (0 if self.index.guessed else self.origin)

    @property
    def end(self) -> float:
        """When the last frame ends, in seconds."""
        return float(self.index.end * self.index.unit - (0 if self.index.guessed else self.origin))

    def tell(self, name: str, warn: Callable[[str, str], None]) -> None:
        """Warn with `times_guessed`, `truncated`, `damaged`, `gaps` and `mirrored` about the packets of the file."""
        tell_guessed(name, self.index, self.rate, warn)
        index, slack = self.index, 2 * float(self.index.usual_gap * self.index.unit)
        Ending(self.end, self.stated_end, self.missing, index, slack).tell(name, warn)
        tell_lost(name, self.index, warn)
        if self.mirrored:
            warn("mirrored", f"Players show the mirror image of '{name}': here it is as it was recorded.")


def index_stream(path: Path, wanted: int | None, limits: Limits, check: Callable[[], None]) -> IndexedStream:
    """Read all packets of a video stream, the best one by default.

    Raises `NoVideoStream`, `NotFound`, and `UnreadableMedia` for a stream without frames.
    """
    with open_media(path, limits) as container:
        stream = chosen_video(container, path, wanted)
        index, frame = _read(container, stream, check)
        origin, codec = origin_of(container), stream.codec_context
        if frame is None or not index.shown:
            raise UnreadableMedia(
                f"The video stream {stream.index} of '{path}' does not have a frame that can be decoded."
            )
        limits.check_seconds(path, float(index.end * index.unit - (0 if index.guessed else origin)))
        return IndexedStream(
            stream.index,
            [one.index for one in container.streams.video].index(stream.index),
            index,
            origin,
            frame.width,
            frame.height,
            rotation_of(frame),
            Fraction(stream.sample_aspect_ratio or 1),
            Fraction(stream.guessed_rate) if stream.guessed_rate else None,
            int(codec.color_trc) in (PQ, HLG),
            HdrNotes.of(frame),
            bool(frame.interlaced_frame),
            is_mirrored(frame),
            stated_end(stream, origin),
            cut_short(path),
        )


def _read(container: InputContainer, stream: Any, check: Callable[[], None]) -> tuple[PacketIndex, VideoFrame | None]:
    """All packets, and the first frame that can be decoded."""
    import av

    index, frame = PacketIndex(stream), None
    read_only(container, stream)
    with suppress(av.FFmpegError, OSError, IndexError):
        for number, packet in enumerate(container.demux(stream)):
            if number % 1000 == 0:
                check()
            if packet.size:
                index.add(packet)
            if frame is None and number <= TRIES:
                frame = first_of(stream.codec_context, packet)
    return index, frame
