"""Cues of subtitles that are written to another file: in their packets, or encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput
from avstudio_video.packets.styled_cues import StyledCue

if TYPE_CHECKING:
    from av.container import OutputContainer

UNIT = Fraction(1, 1000)
LONGEST = 60_000
"""Bytes of a cue that is encoded; MP4 states their number in 16 bits."""


@dataclass
class CueTrack:
    """A text track of a new file; its cues come in the order of their start."""

    container: OutputContainer
    codec: str
    """Of the track, by FFmpeg's name; packets of cues are in the same one, or not used."""
    header: bytes | None
    """The styles, as FFmpeg's decoder states them."""
    divided: bool
    """Whether it shows one text at a time, as in MP4: cues that overlap are divided, and share a text."""
    stream: Any = field(init=False)
    cues: int = 0
    rich: bool = False
    """Whether a cue has more in its source than it has here."""
    end: Fraction = Fraction(0)
    _shown: list[StyledCue] = field(default_factory=list)
    """The cues on the screen, of which a part is not written yet."""
    _until: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        self.stream = self.container.add_stream(self.codec)
        self.stream.codec_context.subtitle_header = self.header
        self.stream.codec_context.time_base = self.stream.time_base = UNIT

    def write(self, cue: StyledCue) -> None:
        """Write a cue, or what is shown before it. Shapes are left out where they would become text.

        Raises `InvalidInput` for a text that is too long.
        """
        if cue.is_drawing and self.codec != "ass":
            return
        cue = (cue if self.codec == "ass" else cue.without_shapes()).numbered(self.cues)
        self.cues += 1
        self.rich = self.rich or not cue.fits(self.codec)
        self.end = max(self.end, cue.end)
        if not self.divided:
            self._emit(cue)
            return
        self._advance(cue.start)
        self._shown.append(cue)

    def finish(self) -> None:
        """Write the rest."""
        self._advance(None)

    def _advance(self, time: Fraction | None) -> None:
        """Write what is shown until then, or to the end."""
        while self._shown and self._until != time:
            ends = [one.end for one in self._shown]
            until = min(ends if time is None else [*ends, time])
            if until > self._until:
                self._emit(replace(joint(self._shown), start=self._until, end=until))
            self._until = max(self._until, until)
            self._shown = [one for one in self._shown if one.end > until]
        self._until = self._until if time is None else max(self._until, time)

    def _emit(self, cue: StyledCue) -> None:
        from av.subtitles.subtitle import SubtitleSet

        if self.codec != "ass" and len(cue.line) > LONGEST:
            message = f"The subtitle at {float(cue.start):.3f} s has {len(cue.line)} bytes, which is too long."
            raise InvalidInput(message, hint="Divide it, or choose 'mkv', which keeps it as it is.")
        self.container.start_encoding()
        length = max(1, round((cue.end - cue.start) / UNIT))
        packet = cue.packet
        if packet is None:
            packet = self.stream.codec_context.encode_subtitle(SubtitleSet.create(cue.line, 0, length, 0))
        packet.time_base = UNIT
        packet.pts = packet.dts = round(cue.start / UNIT)
        packet.duration, packet.stream = length, self.stream
        self.container.mux(packet)


def joint(cues: Sequence[StyledCue]) -> StyledCue:
    """Cues that are shown together as one."""
    first, *others = cues
    line = b"\\N".join([first.line, *(one.text for one in others)])
    return first if not others else replace(first, line=line, packet=None)


def moved(cues: Iterable[StyledCue], offset: Fraction, end: Fraction | None) -> Iterator[StyledCue]:
    """The cues at other times; those before 0 or after the end of the file are left out."""
    for one in cues:
        start, until = max(one.start + offset, Fraction(0)), one.end + offset
        until = until if end is None else min(until, end)
        if start < until:
            yield replace(one, start=start, end=until, packet=None)
