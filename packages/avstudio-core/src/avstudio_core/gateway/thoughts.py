"""What a model thinks aloud, kept apart from its answer: `<think>…</think>` at the beginning of the text."""

from __future__ import annotations

import re
from dataclasses import replace

from avstudio_core.chat import Delta, Reply

_OPEN = re.compile(r"\s*<(think|thinking)>")
_OPENINGS = ("<think>", "<thinking>")
_UNOPENED = re.compile(r"\n\s*</(think|thinking)>[ \t]*\n")
"""A template may open the thoughts itself: then only their end is in the text, on a line of its own."""


class Thoughts:
    """Sorts the pieces of one answer; a tag may be cut anywhere."""

    def __init__(self) -> None:
        self._held = ""
        self._end: str | None = None
        """The tag that ends the thoughts, while they last."""
        self._blank = False
        """Whether the thoughts are over and nothing but blanks has come since, which are no part of the answer."""
        self._over = False

    def apart(self, delta: Delta) -> Delta:
        """A piece with its text sorted into words and thoughts; what may be a part of a tag is held back."""
        if self._over or not delta.text:
            return delta
        text, thought = self._sorted(self._held + delta.text)
        return replace(delta, text=text, reasoning=delta.reasoning + thought)

    def rest(self) -> Delta:
        """What was held back, at the end of the answer."""
        held, self._held = self._held, ""
        return Delta(reasoning=held) if self._end else Delta(held)

    def _sorted(self, text: str) -> tuple[str, str]:
        self._held = ""
        if self._blank:
            return self._begun(text), ""
        if self._end is None:
            opened = _OPEN.match(text)
            if opened is None:
                if (begun := text.lstrip()) and not any(tag.startswith(begun) for tag in _OPENINGS):
                    self._over = True
                    return text, ""
                self._held = text
                return "", ""
            self._end, text = f"</{opened[1]}>", text[opened.end() :]
        thought, closed, after = text.partition(self._end)
        if closed:
            self._end = None
            return self._begun(after), thought
        kept = _tail(text, self._end)
        self._held = text[len(text) - kept :]
        return "", text[: len(text) - kept]

    def _begun(self, text: str) -> str:
        """The first words after the thoughts."""
        text = text.lstrip()
        self._blank, self._over = not text, bool(text)
        return text


def apart(reply: Reply) -> Reply:
    """A whole answer without its thoughts in the text."""
    if "</think" not in reply.text and not _OPEN.match(reply.text):
        return reply
    thoughts = Thoughts()
    first, rest = thoughts.apart(Delta(reply.text)), thoughts.rest()
    text, reasoning = first.text + rest.text, first.reasoning + rest.reasoning
    if not reasoning and (ended := _UNOPENED.search(text)):
        text, reasoning = text[ended.end() :].lstrip(), text[: ended.start()]
    reply.text, reply.reasoning = text, reply.reasoning + reasoning
    return reply


def _tail(text: str, tag: str) -> int:
    """How many characters at the end of a text may begin the tag."""
    return next((size for size in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-size:])), 0)
