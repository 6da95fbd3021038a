"""The pieces of a text that line breaks do not split, in any script, and their width."""

from __future__ import annotations

import re
from dataclasses import dataclass
from unicodedata import category, east_asian_width

TAG = r"(?:</?[A-Za-z0-9][^<>\n]*>|\{\\[^{}\n]*\})"
"""Markup of subtitles: `<i>`, `<v Ann>`, `<00:01:02.000>`, `{\\an8}`."""
_MARKUP = re.compile(TAG)

_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9f\U00020000-\U0003fffd"
)
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese, and full-width letters. Korean
has spaces."""
_OPENING = r"(\[「『（《〈【〔［｛“‘\u0e40-\u0e44\u0ec0-\u0ec4"
"""Characters that cannot end a line: opening marks, and the vowels of Thai and Lao before a consonant."""
_CLOSING = r"ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶーｰ々〻\u0e2f\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3"
"""Letters that cannot begin a line; the same holds for marks, including combining ones."""
_STACKED = r"[\u1039\u17d2]."
"""A consonant below the one before it, in Burmese and Khmer."""
_CHARACTER = rf"[{_OPENING}]{{0,4}}[{_UNSPACED}]"
_PLAIN_PIECE = re.compile(rf"{_CHARACTER}(?:{_STACKED}|[{_CLOSING}]|[^\s\w{_OPENING}])*|(?:(?!{_CHARACTER})\S)+")
_MARKED_PIECE = re.compile(
    rf"(?:{TAG})*{_CHARACTER}(?:{_STACKED}|[{_CLOSING}]|</[^<>\n]*>|[^\s\w{_OPENING}<{{])*"
    rf"|(?:{TAG}|(?!{_CHARACTER})\S)+"
)
"""A word, or a character in scripts without spaces, with the marks and tags around it."""

_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’»)\]」』]*$")
_CLAUSE_END = re.compile(r"[,;:，、；：—–]['\"”’»)\]」』]*$")
_MARK = re.compile(r"[!?;:»…%]+$")


@dataclass(frozen=True, slots=True)
class Piece:
    """A word with its marks, or a character in scripts without spaces."""

    text: str
    spaced: bool
    """Whether there is a space before it."""
    seen: str
    """The text without markup."""
    columns: int
    """The width of the visible text in columns."""

    @property
    def ends_sentence(self) -> bool:
        return bool(_SENTENCE_END.search(self.seen))

    @property
    def ends_clause(self) -> bool:
        return bool(_CLAUSE_END.search(self.seen))

    @property
    def is_mark(self) -> bool:
        """Whether it is only a mark, which French separates by a space, and which cannot begin a line."""
        return bool(_MARK.match(self.seen))


def pieces(text: str, *, marked: bool = False, bare: bool = False) -> list[Piece]:
    """All pieces of a text, in order; only spaces are dropped.

    In `marked` text, tags have no width. `bare` text has lost the space before it.
    """
    found = (_MARKED_PIECE if marked else _PLAIN_PIECE).finditer(text)
    return [_piece(match, text, marked=marked, bare=bare) for match in found]


def _piece(match: re.Match[str], text: str, *, marked: bool, bare: bool) -> Piece:
    seen = _MARKUP.sub("", match[0]) if marked else match[0]
    spaced = text[match.start() - 1].isspace() if match.start() else bare
    return Piece(match[0], spaced, seen, width(seen))


def width(text: str) -> int:
    """The width in columns: Chinese, Japanese and Korean characters have two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if east_asian_width(character) in "WF":
        return 2
    return 0 if category(character) in ("Mn", "Me", "Cf") else 1


def plain(text: str) -> str:
    """A text without markup, in one line."""
    return " ".join(_MARKUP.sub("", text).split())


def tags(text: str) -> list[str]:
    """The tags of a text, in order."""
    return _MARKUP.findall(text)
