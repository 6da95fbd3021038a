"""Cues of subtitles with their styles, as FFmpeg decodes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avstudio_video.packets.source import length_of

if TYPE_CHECKING:
    from av.packet import Packet

SHAPE = re.compile(rb"\{[^}]*\\p[1-9][^}]*\}.*?(?:\{[^}]*\\p0[^}]*\}|$)", re.DOTALL)
"""The outline of a shape, between the commands that begin and end it."""
RICH = re.compile(rb"\{\\(?:an?\d|pos)|<(?:[bciu]\.|v[ .]|lang |ruby>)")
"""Places in SubRip, and classes, voices and languages in WebVTT."""
COMMANDS = re.compile(rb"\{[^}]*\}")
LINES = ("ass", "ssa")
"""Decoders whose lines have all that their packets have."""
FIELDS = 8
"""Fields before the text in a line of Advanced SubStation Alpha, the form between decoders and encoders."""


@dataclass(frozen=True, slots=True)
class StyledCue:
    """A text on the screen; times in seconds."""

    start: Fraction
    end: Fraction
    line: bytes
    """Fields and text, as FFmpeg decodes them."""
    packet: Any = field(default=None, compare=False)
    """The packet that has only this cue, in the codec of its file, with all that FFmpeg's decoder does not tell."""
    rich: bool = field(default=False, compare=False)
    """Whether its packet has a place, classes or voices, which subtitles in another codec do not have."""

    @property
    def text(self) -> bytes:
        return self.line.split(b",", FIELDS)[-1]

    @property
    def is_drawing(self) -> bool:
        """Whether it shows a shape, and no words."""
        return bool(SHAPE.search(self.text)) and not self.words

    @property
    def words(self) -> str:
        """Its text without commands and shapes."""
        text = COMMANDS.sub(b"", self.without_shapes().text).decode(errors="replace")
        return re.sub(r"\\[Nn]", "\n", text).replace("\\h", " ").strip()

    def without_shapes(self) -> StyledCue:
        """The same with its words only: elsewhere outlines would be shown as text."""
        text = SHAPE.sub(b"", self.text)
        return self if text == self.text else replace(self, line=self.line[: len(self.line) - len(self.text)] + text)

    def numbered(self, number: int) -> StyledCue:
        """The same with another number among the cues of its track, by which players know it."""
        return replace(self, line=b"%d,%s" % (number, self.line.partition(b",")[2]))


def decoded_cues(packet: Packet[Any]) -> Iterator[StyledCue]:
    """The cues in a packet of text. A damaged one has none."""
    import av

    if packet.pts is None:
        return
    start = Fraction(packet.pts) * Fraction(packet.time_base)
    with suppress(av.FFmpegError):
        lines = [
            line for one in packet.stream.codec_context.decode2(packet) or () if (line := getattr(one, "ass", b""))
        ]
        copied = len(lines) == 1 and packet.stream.codec_context.name not in LINES
        rich = packet.has_sidedata("webvtt_settings") or packet.has_sidedata("subtitle_position")
        rich = rich or bool(RICH.search(bytes(packet)))
        for line in lines:
            yield StyledCue(start, start + length_of(packet), line, packet if copied else None, rich)
