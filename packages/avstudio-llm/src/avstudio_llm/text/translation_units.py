"""The units of a translation: a cue, or one speaker's line in it, without the surrounding markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from avstudio_core.documents.line_breaks import broken
from avstudio_core.documents.pieces import plain

_DASH = re.compile(r"\s*[-\u2010-\u2015]\s*")
_AROUND = re.compile(r"(?P<open><(?P<name>[A-Za-z]+)[^<>\n]*>)(?P<text>.*)(?P<close></(?P=name)>)", re.DOTALL)
_AT_START = re.compile(r"\s*(?:\{\\[^{}\n]*\}|<v[ .][^<>\n]*>(?!.*</v>))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unit:
    """A text to translate, with the markup around it."""

    cue: int
    before: str
    text: str
    after: str

    @property
    def speaks(self) -> bool:
        """Whether it has words to translate, not only notes or numbers."""
        return any(character.isalpha() for character in plain(self.text))

    def lines(self, text: str, length: int) -> list[str]:
        """A translation with the same markup, broken into lines."""
        return broken(f"{self.before}{text}{self.after}", length)


def units(texts: Sequence[str]) -> list[Unit]:
    """The units of all cues, in order; a cue whose lines all begin with a dash has one unit for each line."""
    return [unit for number, text in enumerate(texts) for unit in _of(number, text)]


def _of(number: int, text: str) -> Iterator[Unit]:
    lines = text.split("\n")
    dashes = [_DASH.match(line) for line in lines]
    if len(lines) > 1 and all(dashes):
        for line, dash in zip(lines, dashes, strict=True):
            assert dash is not None
            yield _peeled(number, "- ", line[dash.end() :], "")
    else:
        yield _peeled(number, "", " ".join(lines), "")


def _peeled(number: int, before: str, text: str, after: str) -> Unit:
    """Separate the markup that encloses the whole text."""
    while True:
        while start := _AT_START.match(text):
            before, text = before + start[0].strip(), text[start.end() :]
        around = _AROUND.fullmatch(text.strip())
        if around is None or re.search(rf"</?{around['name']}\b", around["text"]):
            return Unit(number, before, " ".join(text.split()), after)
        before, text, after = before + around["open"], around["text"], around["close"] + after
