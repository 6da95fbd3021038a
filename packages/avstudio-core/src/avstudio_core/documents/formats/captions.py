"""What a subtitle file is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from avstudio_core.documents.cues import Cue, CueWord
from avstudio_core.documents.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Captions:
    """The cues of a transcript."""

    transcript: Transcript
    cues: Sequence[Cue]
    highlight: bool = False
    """Whether each word is marked at the time when it is spoken, where the format can do that."""
    labels: bool = False
    """Whether a plain text has the names of speakers; those in cues are in their text."""


def spans(cue: Cue) -> Iterator[tuple[float, float, CueWord]]:
    """Each word with the time for which it is the current one: until the next word begins; the first from the start."""
    begin = cue.start
    for number, word in enumerate(cue.words):
        end = max(begin, cue.words[number + 1].start) if number + 1 < len(cue.words) else cue.end
        yield begin, end, word
        begin = end


def split(word: CueWord) -> tuple[str, str]:
    """The space or line break before a word, and the word."""
    bare = word.text.lstrip(" \n")
    return word.text[: len(word.text) - len(bare)], bare
