"""The part of a text around the words that a search has found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from avstudio_core.documents.search_words import FoundWord, words_of

LENGTH = 200
"""About how many characters of a long text are shown."""
BEFORE = 60
"""The most characters before the first of the words."""


class Snippet(NamedTuple):
    """A part of a text, and the places in it that match."""

    text: str
    highlights: list[tuple[int, int]]


def snippet(text: str, phrases: Sequence[Sequence[str]]) -> Snippet:
    """The part of a text with the first match, on one line, with the places of all matches in it."""
    places = _places(list(words_of(text)), phrases)
    start = _start(text, places[0][0] if places else 0)
    end = len(text) if len(text) - start <= LENGTH else start + LENGTH
    shown = "".join(" " if one.isspace() else one for one in text[start:end])
    lead = "…" if start else ""
    offset = start - len(lead)
    inside = [(one - offset, other - offset) for one, other in places if start <= one and other <= end]
    return Snippet(f"{lead}{shown}{'…' if end < len(text) else ''}", inside)


def _start(text: str, first: int) -> int:
    """The begin of a word that is not far before the first match."""
    if len(text) <= LENGTH or first <= BEFORE:
        return 0
    space = text.find(" ", first - BEFORE, first)
    return space + 1 if space >= 0 else first - BEFORE


def _places(words: Sequence[FoundWord], phrases: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """The places of phrases in a text, in order, without overlap."""
    found: list[tuple[int, int]] = []
    for number, word in enumerate(words):
        if found and word.start < found[-1][1]:
            continue
        for phrase in sorted(phrases, key=len, reverse=True):
            following = words[number : number + len(phrase)]
            if [one.text for one in following] == list(phrase):
                found.append((word.start, following[-1].end))
                break
    return found
