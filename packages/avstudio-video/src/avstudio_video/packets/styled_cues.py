"""Cues of subtitles with their styles, as FFmpeg decodes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avstudio_video.packets.source import length_of

if TYPE_CHECKING:
    from av.packet import Packet

FIELDS = 8
"""Fields before the text in a line of Advanced SubStation Alpha, the form between decoders and encoders."""


@dataclass(frozen=True, slots=True)
class StyledCue:
    """A text on the screen; times in seconds."""

    start: Fraction
    end: Fraction
    line: bytes
    """Fields and text, as FFmpeg decodes them."""

    @property
    def text(self) -> bytes:
        return self.line.split(b",", FIELDS)[-1]


def cues_of(packet: Packet[Any]) -> Iterator[StyledCue]:
    """The cues in a packet of text. A damaged one has none."""
    import av

    if packet.pts is None:
        return
    start = Fraction(packet.pts) * Fraction(packet.time_base)
    with suppress(av.FFmpegError):
        for one in packet.stream.codec_context.decode2(packet) or ():
            if line := getattr(one, "ass", b""):
                yield StyledCue(start, start + length_of(packet), line)
