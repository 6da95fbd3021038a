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

DRAWS = re.compile(rb"\\p([0-9])")
"""The command that begins the outline of a shape, or ends it with 0."""
RICH = re.compile(rb"\{\\(?!an?\d\})|<(?:[bciu]\.|v[ \t.]|lang[ \t.]|ruby[.>]|\d+:\d)")
"""What FFmpeg's decoders leave out: commands in SubRip but places; classes, voices, languages and times in WebVTT."""
COMMAND = re.compile(rb"\\(fn|[1-4]?[a-z]+)")
KEPT = {
    "ass": None,
    "subrip": {b"b", b"i", b"u", b"s", b"c", b"1c", b"fn", b"fs", b"a", b"an", b"r"},
    "mov_text": {b"b", b"i", b"u", b"1c", b"1a", b"fs", b"r"},
    "webvtt": {b"b", b"i", b"u", b"r"},
}
"""The commands that FFmpeg's encoders keep; all if there is no list."""
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
    """Whether its packet has styles that FFmpeg's decoder leaves out."""

    @property
    def text(self) -> bytes:
        return self.line.split(b",", FIELDS)[-1]

    @property
    def is_drawing(self) -> bool:
        """Whether it shows a shape, and no words."""
        return self.without_shapes() is not self and not self.words

    @property
    def has_commands(self) -> bool:
        return any(commands for commands, _ in _pieces(self.text))

    def fits(self, codec: str) -> bool:
        """Whether an encoder keeps its styles, and the decoder kept them."""
        kept = KEPT.get(codec, set())
        given = (name for commands, _ in _pieces(self.text) for name in COMMAND.findall(commands))
        return not self.rich and (kept is None or all(name in kept for name in given))

    @property
    def words(self) -> str:
        """Its text without commands and shapes."""
        text = b"".join(words for _, words in _without_shapes(self.text)).decode(errors="replace")
        return re.sub(r"\\[Nn]", "\n", text).replace("\\h", " ").strip()

    def without_shapes(self) -> StyledCue:
        """The same with its words only: elsewhere outlines would be shown as text."""
        text = b"".join(commands + words for commands, words in _without_shapes(self.text))
        return self if text == self.text else replace(self, line=self.line[: len(self.line) - len(self.text)] + text)

    def numbered(self, number: int) -> StyledCue:
        """The same with another number among the cues of its track, by which players know it."""
        return replace(self, line=b"%d,%s" % (number, self.line.partition(b",")[2]))


def _pieces(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Commands in braces, and the words after each; the first words have none."""
    commands, place = b"", 0
    while (start := text.find(b"{", place)) >= 0 and (end := text.find(b"}", start)) >= 0:
        yield commands, text[place:start]
        commands, place = text[start : end + 1], end + 1
    yield commands, text[place:]


def _without_shapes(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The pieces without the outlines of shapes, and without the commands that begin and end them."""
    drawing = False
    for commands, words in _pieces(text):
        before, drawn = drawing, DRAWS.findall(commands)
        drawing = drawn[-1] != b"0" if drawn else before
        if not drawing:
            yield b"" if before else commands, words


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
        rich = rich or (packet.stream.codec_context.name not in LINES and bool(RICH.search(bytes(packet))))
        for line in lines:
            yield StyledCue(start, start + length_of(packet), line, packet if copied else None, rich)
