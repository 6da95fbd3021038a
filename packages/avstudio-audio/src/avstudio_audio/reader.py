"""The sound of one stream as float32 blocks, whatever is damaged on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_audio.errors import NoAudio
from avstudio_audio.mixing import SPEAKERS
from avstudio_audio.reporting import Warn

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from numpy.typing import NDArray

Span = tuple[float, float]
"""A half-open range of time in seconds."""

NUMBERS = {
    "u8": ("u1", 2.0**-7, -1.0),
    "s16": ("i2", 2.0**-15, 0.0),
    "s32": ("i4", 2.0**-31, 0.0),
    "flt": ("f4", 1.0, 0.0),
    "dbl": ("f8", 1.0, 0.0),
}
"""FFmpeg's sample formats that numpy can show: dtype, and the factor and offset that lead to −1 to 1."""
ESTIMATED = ("aac", "loas", "amr", "ac3", "eac3")
"""Formats without a stated length: FFmpeg guesses one from the bit rate."""
LEAD = 1.0
"""Seconds decoded before a span and thrown away: after a seek, codecs need a few frames to be exact."""
GAP = 0.1
"""Seconds that a time stamp may run ahead before sound counts as missing."""
CUT = 0.25
"""Seconds that may be missing at the end before a file counts as cut short."""


class AudioReader:
    """Reads a span of a stream. After the last block, `report` says what was wrong with the file.

    Time counts from the start of the file, so sound that starts later than the picture keeps its place.
    """

    def __init__(self, container: InputContainer, stream: AudioStream, path: Path, span: Span) -> None:
        """Raises `NoAudio` where not one frame can be decoded."""
        self._container, self._stream, self._path = container, stream, path
        self._origin = (container.start_time or 0) / 1_000_000
        self._lost_packets = 0
        self._silence = 0
        stream.thread_type = "AUTO"
        if span[0] > LEAD:
            self._seek(span[0] - LEAD)
        frames = self._frames()
        first = next(frames, None)
        if first is None:
            raise NoAudio(f"'{path}' has an audio stream with no sound in it that can be decoded.")
        self._frames_left = chain([first], frames)
        self.rate: int = first.sample_rate
        self.channels: int = first.layout.nb_channels
        self._layout: str = first.layout.name
        self._position = self._at(first, 0)
        self._begin, self._end = (round(t * self.rate) if math.isfinite(t) else math.inf for t in span)
        self.start: float = max(self._position, self._begin) / self.rate
        """Seconds to the first sample that is given."""

    @property
    def announced(self) -> float | None:
        """Where the stream ends according to the file's header, in seconds; `None` where nothing reliable is told."""
        stream, container = self._stream, self._container
        name = container.format.name
        if name in ESTIMATED or (name == "mp3" and not stream.start_time):
            return None  # an MP3 states its length only in the header frame that also states its encoder's delay
        if stream.duration:
            return float(stream.duration * stream.time_base) + self._first_time
        return None

    @property
    def speakers(self) -> tuple[str, ...]:
        """Whom the channels are for, as FFmpeg names them."""
        import av

        if self._layout == f"{self.channels} channels":
            return SPEAKERS.get(self.channels, ("?",) * self.channels)
        return tuple(channel.name for channel in av.AudioLayout(self._layout).channels)
