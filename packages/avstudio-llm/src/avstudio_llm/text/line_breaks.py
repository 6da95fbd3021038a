"""Text broken into lines of about one length."""

from __future__ import annotations

import re

from avstudio_llm.text.subtitles import TAG, plain

_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u303f\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff00-\uff60"
"""Scripts that put no spaces between words, and their punctuation."""
_CLOSING = r"\u3001\u3002\u3009\u300b\u300d\u300f\u3011\uff01\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\u30fc"
"""What does not begin a line."""
_WORD = re.compile(
    rf"(\s*)((?:{TAG})*[{_UNSPACED}](?:[{_CLOSING}]|</[^<>\n]*>)*|(?:{TAG}|(?![{_UNSPACED}])\S)+)", re.DOTALL
)


def width(text: str) -> int:
    """Characters that are seen."""
    return len(plain(text))


def broken(text: str, length: int) -> list[str]:
    """As few lines as `length` characters each allow, and the longest of them as short as can be.

    Markup takes no room. A word that is longer than a line has one to itself.
    """
    words = [(bool(gap), word) for gap, word in _WORD.findall(text)]
    if not words:
        return []
    most = len(_wrapped(words, length))
    return next(lines for limit in range(1, length + 1) if len(lines := _wrapped(words, limit)) <= most)


def _wrapped(words: list[tuple[bool, str]], limit: int) -> list[str]:
    """Each line as full as it can be."""
    lines: list[str] = []
    room = 0
    for gap, word in words:
        size = width(word)
        if lines and (not size or size + gap <= room):
            lines[-1] += (" " if gap else "") + word
            room -= size + gap
        else:
            lines.append(word)
            room = limit - size
    return lines
