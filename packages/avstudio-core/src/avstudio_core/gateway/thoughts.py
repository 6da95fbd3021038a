"""Separates a model's reasoning from its answer: `<think>…</think>` at the beginning of the text."""

from __future__ import annotations

import re
from dataclasses import replace

from avstudio_core.chat import Delta, Reply

_OPEN = re.compile(r"\s*<(think|thinking)>")
_OPENINGS = ("<think>", "<thinking>")
_UNOPENED = re.compile(r"\n\s*</(think|thinking)>[ \t]*\n")
"""A template may open the reasoning itself: then only the end tag is in the text, on a separate line."""


class Thoughts:
    """Separates the pieces of one answer; a tag may be split between pieces."""

    def __init__(self) -> None:
        self._held = ""
        self._end: str | None = None
        """The tag that ends the current reasoning."""
        self._blank = False
        """Whether the reasoning has ended and only whitespace has followed, which is not part of the answer."""
        self._over = False

    def apart(self, delta: Delta) -> Delta:
        """A piece with its text separated into answer and reasoning; a possible part of a tag is held back."""
        if self._over or not delta.text:
            return delta
        text, thought = self._sorted(self._held + delta.text)
        return replace(delta, text=text, reasoning=delta.reasoning + thought)

    def rest(self) -> Delta:
        """The text that was held back, at the end of the answer."""
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
        """The first text after the reasoning."""
        text = text.lstrip()
        self._blank, self._over = not text, bool(text)
        return text


def apart(reply: Reply) -> Reply:
    """A whole answer with the reasoning separated from its text."""
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
    """How many characters at the end of a text are the start of the tag."""
    return next((size for size in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-size:])), 0)
