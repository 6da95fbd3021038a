"""The words of a text in the form in which a search compares them: without case and accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted

LONGEST_QUERY, MOST_WORDS = 1000, 50
_IGNORED = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
"""Accents, and the vowel points of Hebrew and Arabic, which most texts omit."""
_MARKS = "\u0900-\u0963\u0971-\u0d7f\u0e31-\u0e4e\u0eb1-\u0ece\u0f71-\u0fbc\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
"""The scripts of India, and the marks of others: parts of words, which Python does not count as letters."""
_UNSPACED = "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_UNSPACED += "\U00020000-\U0003ffff"
"""The scripts without spaces between words, and Korean, whose words have endings: each character counts as a word."""
_RUN = re.compile(f"(?:[^\\W_]|[{_IGNORED}{_MARKS}])+")
_PARTS = re.compile(f"[{_UNSPACED}][\u3099\u309a{_IGNORED}]*|[^{_UNSPACED}]+")
_STRIPPED = re.compile(f"[{_IGNORED}]+")
_CHUNKS = re.compile(r'"([^"]*)"|(\S+)')


class FoundWord(NamedTuple):
    """A word as it is compared, and its place in the text."""

    text: str
    start: int
    end: int


def words_of(text: str) -> Iterator[FoundWord]:
    """The words of a text, with the places from which they come."""
    for run in _RUN.finditer(text):
        for part in _PARTS.finditer(run[0]):
            place = run.start() + part.start(), run.start() + part.end()
            for folded in _RUN.finditer(_folded(part[0])):
                yield from (FoundWord(one[0], *place) for one in _PARTS.finditer(folded[0]))


def comparable(text: str) -> str:
    """The words of a text as they are compared, with spaces between."""
    return " ".join(word.text for word in words_of(text))


def phrases_of(query: str) -> list[list[str]]:
    """The words that are searched for: each must occur; those in quotation marks one after another.

    Raises `InvalidInput` for a query without words, or one that is too long.
    """
    if not isinstance(query, str) or len(query) > LONGEST_QUERY:
        raise InvalidInput(f"{quoted(query)} is too long.", hint=f"Search for at most {LONGEST_QUERY} characters.")
    found = [[word.text for word in words_of(one or other)] for one, other in _CHUNKS.findall(query)]
    phrases = [phrase for phrase in found if phrase]
    if not phrases:
        raise InvalidInput(f"{quoted(query)} has no words to search for.", hint="Give letters or digits.")
    if sum(map(len, phrases)) > MOST_WORDS:
        raise InvalidInput(f"{quoted(query)} has too many words.", hint=f"Search for at most {MOST_WORDS} words.")
    return phrases


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _STRIPPED.sub("", decomposed))
