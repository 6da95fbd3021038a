"""Words of a transcript that are kept or removed: filler words, phrases and whole sentences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from avstudio_core.artifact import Artifact
from avstudio_core.documents.fillers import filler_pattern
from avstudio_core.documents.timed_text import transcript_of
from avstudio_core.documents.transcript import Word
from avstudio_core.errors import InvalidInput
from avstudio_core.spans import Span

SENTENCE_END = re.compile(r"[.!?…。！？]['\")\]»”’」]*\s*$")


class Said(NamedTuple):
    """Some words of a transcript, and when they are said."""

    span: Span
    text: str


@dataclass(frozen=True)
class SpokenWords:
    """The words of a transcript in the order of time."""

    language: str
    words: list[Word]
    segments: list[int]
    """The number of the segment of each word."""

    @classmethod
    def read(cls, document: Artifact) -> SpokenWords:
        """Read a transcript. Raises `UnreadableMedia`, and `InvalidInput` for one without times of words."""
        said = transcript_of(document)
        found = sorted(((word, one.id) for one in said.segments for word in one.words), key=lambda pair: pair[0].start)
        if not found and any(one.text.strip() for one in said.segments):
            raise InvalidInput(
                f"'{document.name}' does not have times of words.", hint="Give the transcript of audio.transcribe."
            )
        return cls(said.language, [word for word, _ in found], [number for _, number in found])

    def fillers(self) -> Iterator[Said]:
        """The filler words of the language, each with half the pauses beside it. Raises `InvalidInput`."""
        pattern = filler_pattern(self.language)
        for number, letters in enumerate(self._letters):
            if pattern.fullmatch(letters):
                yield Said(self._with_pauses(number, number), self._text(number, number))

    def phrases(self, phrase: str, *, sentences: bool, pauses: bool) -> Iterator[Said]:
        """Each place where a phrase is said, or once each sentence around it; its case and punctuation do not matter.

        With `pauses`, each has half the pauses beside it, for what is removed.
        """
        high = -1
        for first, last in self._places(plain(phrase)):
            if sentences and last <= high:
                continue
            low, high = self._sentence(first, last) if sentences else (first, last)
            span = self._with_pauses(low, high) if pauses else (self.words[low].start, self.words[high].end)
            yield Said(span, self._text(low, high))

    @cached_property
    def _letters(self) -> list[str]:
        return [plain(word.text) for word in self.words]

    def _places(self, wanted: str) -> Iterator[tuple[int, int]]:
        """The first and the last word of each place with these letters: words need no spaces, as in Japanese."""
        starts: dict[int, int] = {}
        ends: dict[int, int] = {}
        length = 0
        for number, letters in enumerate(self._letters):
            if letters:
                starts[length] = number
                length += len(letters)
                ends[length] = number
        text, at = "".join(self._letters), 0
        while wanted and (at := text.find(wanted, at)) >= 0:
            if at in starts and at + len(wanted) in ends:
                yield starts[at], ends[at + len(wanted)]
                at += len(wanted)
            else:
                at += 1

    def _sentence(self, first: int, last: int) -> tuple[int, int]:
        while first > 0 and not self._ends_sentence(first - 1):
            first -= 1
        while last + 1 < len(self.words) and not self._ends_sentence(last):
            last += 1
        return first, last

    def _ends_sentence(self, number: int) -> bool:
        """Whether a sentence ends after a word; in a transcript without punctuation, segments are the sentences."""
        if self._punctuated:
            return SENTENCE_END.search(self.words[number].text) is not None
        return number + 1 == len(self.words) or self.segments[number] != self.segments[number + 1]

    @cached_property
    def _punctuated(self) -> bool:
        return any(SENTENCE_END.search(word.text) for word in self.words)

    def _with_pauses(self, first: int, last: int) -> Span:
        """The time of some words and of half the pauses beside them.

        What is left of the pauses is as long as their mean, and an inexact end of a word is still removed.
        """
        start, end = self.words[first].start, self.words[last].end
        before = self.words[first - 1].end if first else start
        after = self.words[last + 1].start if last + 1 < len(self.words) else end
        return start - max(0.0, start - before) / 2, end + max(0.0, after - end) / 2

    def _text(self, first: int, last: int) -> str:
        return "".join(word.text for word in self.words[first : last + 1]).strip()


def plain(text: str) -> str:
    """The letters and digits of a text, small, and all written in the same way."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())
