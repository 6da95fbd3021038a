"""The number of values in a JSON text, counted before it is parsed."""

from __future__ import annotations

import re

MOST_VALUES = 20_000
"""The most commas and opening brackets of a JSON text: each value that is not valid takes time to tell."""
TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A text in quotes, or the beginning of one."""
MARK = b"\0"


class JsonValues:
    """Counts the commas and opening brackets of a JSON text that comes in pieces; those in its texts do not count."""

    def __init__(self) -> None:
        self.count = 0
        self._before = b""
        """What the next piece continues: an open text, and a backslash that has no second one."""

    def too_many(self, piece: bytes) -> bool:
        """Count those of the next piece, and return whether there are too many."""
        piece = self._before + piece
        given = piece.rstrip(b"\\")
        outside = TEXT.sub(b"", given + b'"' + MARK)  # the mark is left if the quote closes a text
        is_open = outside.endswith(MARK)
        self._before = (b'"' if is_open else b"") + b"\\" * ((len(piece) - len(given)) % 2)
        self.count += sum(map(outside.count, (b",", b"[", b"{")))
        return self.count > MOST_VALUES
