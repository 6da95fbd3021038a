"""Cues, the texts that are on the screen at one time, made from the words of a transcript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from avstudio_core.documents.cue_groups import grouped, meaning_cost
from avstudio_core.documents.cue_times import times
from avstudio_core.documents.line_breaks import in_groups
from avstudio_core.documents.subtitle_rules import NONE, SubtitleRules
from avstudio_core.documents.timed_pieces import TimedPiece, timed_pieces
from avstudio_core.documents.transcript import Transcript


@dataclass(frozen=True, slots=True)
class CueWord:
    """A word of a cue; times in seconds."""

    text: str
    """The word after the space or the line break before it."""
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Cue:
    """A text on the screen; times in seconds."""

    start: float
    end: float
    text: str
    """Its lines, with their markup."""
    words: tuple[CueWord, ...] = field(default=(), compare=False)
    """All words with their times, within those of the cue; empty if they are not known."""
    speaker: str | None = field(default=None, compare=False)

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(self.text.split("\n"))


def cues(
    transcript: Transcript, rules: SubtitleRules = NONE, *, cuts: Sequence[float] = (), labels: bool = False
) -> list[Cue]:
    """All words as cues within the rules, without overlap.

    Words without times divide the time of their segment by their length. A line is wider than the rules allow only if a
    single word is. `cuts` are the times in seconds at which the picture of a video changes: cues begin and end with
    them. With `labels`, the names of speakers are before their words. `-->` would break the file format, so it becomes
    `→`.
    """
    found = timed_pieces(transcript, labels=labels)
    until = max(transcript.duration, found[-1].end) if found else 0.0
    groups = grouped(found, rules, until)
    spans = times(groups, rules, sorted(map(rules.grid.nearest, cuts)), transcript.duration)
    return [_cue(group, rules, *span) for group, span in zip(groups, spans, strict=True)]


def _cue(group: Sequence[TimedPiece], rules: SubtitleRules, start: float, end: float) -> Cue:
    lines = in_groups(group, rules.columns, meaning_cost)
    words = [_word(piece, number, at, start, end) for number, line in enumerate(lines) for at, piece in enumerate(line)]
    text = "".join(word.text for word in words)
    if "-->" not in text:
        return Cue(start, end, text, tuple(words), group[0].speaker)
    return Cue(start, end, text.replace("-->", "→"), (), group[0].speaker)


def _word(piece: TimedPiece, line: int, at: int, start: float, end: float) -> CueWord:
    before = " " * piece.spaced if at else "\n" * (line > 0)
    begin = min(max(piece.start, start), end)
    return CueWord(before + piece.text, begin, min(max(piece.end, begin), end))
