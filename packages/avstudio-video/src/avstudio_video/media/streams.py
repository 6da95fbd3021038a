"""The streams of an open file: their start, their uses and their size on the screen."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import NotFound
from avstudio_video.errors import NoVideoStream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame


def is_cover(stream: Stream) -> bool:
    """Whether a video stream is the cover picture of a sound file."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def uses_of(disposition: int) -> list[str]:
    """FFmpeg's names of the uses of a stream, in lower case: default, forced, comment …"""
    from av.stream import Disposition

    return [one.name.lower() for one in Disposition if one.name and disposition & one]


def chosen_video(container: InputContainer, path: Path, wanted: int | None) -> Any:
    """The video stream with a number, or the best one; covers do not count. Raises `NoVideoStream`, `NotFound`."""
    pictures = [one for one in container.streams.video if one.codec_context and not is_cover(one)]
    if not pictures:
        raise NoVideoStream(f"'{path}' has no video stream.", hint="Check the file with video.probe.")
    if wanted is None:
        best = container.streams.best("video")
        return best if best in pictures else pictures[0]
    found = next((one for one in pictures if one.index == wanted), None)
    if found is None:
        listed = ", ".join(str(one.index) for one in pictures)
        raise NotFound(f"'{path}' has no video stream '{wanted}'.", hint=f"Its video streams: {listed}.")
    return found


def origin_of(container: InputContainer) -> Fraction:
    """The first time stamp of a file in seconds: players, and all times of this package, count from it.

    A file of nothing but subtitles has the times of its video, which begins at 0.
    """
    if not (container.streams.video or container.streams.audio):
        return Fraction(0)
    return Fraction(container.start_time or 0, 1_000_000)


def read_only(container: InputContainer, *streams: Stream) -> None:
    """Skip the packets of all other streams where they are in the file."""
    from av.stream import Discard

    for one in container.streams:
        if all(one is not wanted for wanted in streams):
            one.discard = Discard.all


def rotation_of(frame: VideoFrame) -> int:
    """By how many degrees a frame is turned counter-clockwise, before it is mirrored from left to right, if it is."""
    if not is_mirrored(frame):
        return frame.rotation
    matrix = _matrix(frame)
    return -round(
        math.degrees(
            math.atan2(matrix[1] / math.hypot(matrix[1], matrix[4]), -matrix[0] / math.hypot(matrix[0], matrix[3]))
        )
    )


def is_mirrored(frame: VideoFrame) -> bool:
    """Whether players show the mirror image of a frame, as of the cameras of some telephones."""
    matrix = _matrix(frame)
    return bool(matrix) and matrix[0] * matrix[4] < matrix[1] * matrix[3]


def _matrix(frame: VideoFrame) -> tuple[int, ...]:
    """How the picture is transformed for the screen, as FFmpeg has it; empty if it is not."""
    data = notes_of(frame).get("DISPLAYMATRIX")
    return struct.unpack("=9i", data) if data else ()


def notes_of(frame: Any) -> dict[str, bytes]:
    """What a frame has beside its picture, by FFmpeg's names; nothing if PyAV does not know one of them."""
    try:
        return {one.type.name: bytes(one) for one in frame.side_data}
    except ValueError:  # for example the Exif data of a photo
        return {}


def square_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """The size of a picture with square pixels: the height is kept."""
    return max(1, round(width * aspect)), height


def display_size(width: int, height: int, rotation: int) -> tuple[int, int]:
    """The size of a picture after its rotation in degrees, upright."""
    return (height, width) if rotation % 180 else (width, height)


def stated_end(stream: Any, origin: Fraction) -> float:
    """The end of a stream as its file states it, in seconds from `origin`; 0 if it does not."""
    if stream.duration and stream.duration > 0:
        return float(((stream.start_time or 0) + stream.duration) * (stream.time_base or 0) - origin)
    noted = next(
        (value for key, value in stream.metadata.items() if key.upper() == "DURATION"), ""
    )  # Matroska: the end
    try:
        end = sum(float(part) * 60.0**power for power, part in enumerate(reversed(noted.split(":"))))
        return max(0.0, end - float(origin))
    except ValueError:
        return 0.0


def codec_of(stream: Stream) -> str:
    """FFmpeg's canonical name of a stream's codec; empty if it is unknown."""
    return stream.codec_context.codec.canonical_name if stream.codec_context else ""
