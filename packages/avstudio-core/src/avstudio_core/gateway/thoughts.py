"""Separates a model's reasoning from its answer: `<think>…</think>` at the beginning of the text, once or more.

Templates of other models write `<thinking>`, `<seed:think>` or `[THINK]`.

It also joins the halves of a character (surrogates) that a server split between pieces, and replaces lone halves,
which no file can hold.
"""

from __future__ import annotations

import re
from dataclasses import replace

from avstudio_core.chat import Delta, Reply

_TAGS = ("<think>", "<thinking>", "<thought>", "<reasoning>", "<seed:think>", "[think]")
_OPEN = re.compile(rf"\s*({'|'.join(map(re.escape, _TAGS))})", re.IGNORECASE)
_ENDS = "|".join(re.escape(f"{tag[0]}/{tag[1:]}") for tag in _TAGS)
_UNOPENED = re.compile(rf"\n[ \t]*({_ENDS})[ \t]*\n", re.IGNORECASE)
"""A template may open the reasoning itself: then only the end tag is in the text, on a separate line."""
_FIRST_HALF = re.compile("[\ud800-\udbff]$")
_HALF = re.compile("[\ud800-\udfff]")


class Thoughts:
    """Separates the pieces of one answer; a tag may be split between pieces."""

    def __init__(self) -> None:
        self._held = self._half = ""
        self._end: str | None = None
        """The tag that ends the current reasoning."""
        self._thought = False
        """Whether reasoning has ended: whitespace that follows it is not part of the answer."""
        self._over = False

    def apart(self, delta: Delta) -> Delta:
        """A piece with its text separated into answer and reasoning; a possible part of a tag is held back."""
        if not delta.text.isascii() or self._half:
            text = self._half + delta.text
            self._half = text[-1:] if _FIRST_HALF.search(text) else ""
            delta = replace(delta, text=joined(text[: len(text) - len(self._half)]))
        if self._over or not delta.text:
            return delta
        text, thought = self._sorted(self._held + delta.text)
        return replace(delta, text=text, reasoning=delta.reasoning + thought)

    def rest(self) -> Delta:
        """The text that was held back, at the end of the answer."""
        held, self._held, self._half = self._held + joined(self._half), "", ""
        return Delta(reasoning=held) if self._end else Delta(held)

    def _sorted(self, text: str) -> tuple[str, str]:
        self._held, thought = "", ""
        while True:
            if self._end is None:
                opened = _OPEN.match(text)
                if opened is None:
                    return self._begun(text), thought
                self._end, text = f"{opened[1][0]}/{opened[1][1:]}", text[opened.end() :]
            part, closed, text = text.partition(self._end)
            if not closed:
                kept = _tail(part, self._end)
                self._held = part[len(part) - kept :]
                return "", thought + part[: len(part) - kept]
            thought += part
            self._end, self._thought = None, True

    def _begun(self, text: str) -> str:
        """The first text of the answer; it is held back while it can be the start of a tag."""
        begun = text.lstrip()
        text = begun if self._thought else text
        self._over = bool(begun) and not any(tag.startswith(begun.lower()) for tag in _TAGS)
        if not self._over:
            self._held, text = text, ""
        return text


def apart(reply: Reply) -> Reply:
    """A whole answer with the reasoning separated from its text."""
    reply.text, reply.reasoning = joined(reply.text), joined(reply.reasoning)
    if not _OPEN.match(reply.text) and not _UNOPENED.search(reply.text):
        return reply
    thoughts = Thoughts()
    first, rest = thoughts.apart(Delta(reply.text)), thoughts.rest()
    text, reasoning = first.text + rest.text, first.reasoning + rest.reasoning
    if not reasoning and (ended := _UNOPENED.search(text)):
        text, reasoning = text[ended.end() :].lstrip(), text[: ended.start()]
    reply.text, reply.reasoning = text, reply.reasoning + reasoning
    return reply


def joined(text: str) -> str:
    """A text with the halves of characters joined, and lone halves replaced by U+FFFD."""
    if text.isascii() or not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _tail(text: str, tag: str) -> int:
    """How many characters at the end of a text are the start of the tag."""
    return next((size for size in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-size:])), 0)
