"""The pages of an Ogg file (RFC 3533)."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_HEADER = 27
_BEGINS, _ENDS = 2, 4
"""Flags of a page: the first page of a stream, the last page of a stream."""


class OggLinks:
    """The links of a chained file: complete Ogg streams, one after the other; most files have one link."""

    def __init__(self, path: Path) -> None:
        self.places: list[tuple[int, int]] = []
        """The start and end of each link, in bytes."""
        self.ended = False
        """Whether the last page is marked as the last: a truncated file lacks that page."""
        with path.open("rb") as file:
            self._read(file, path.stat().st_size)

    def _read(self, file: BinaryIO, size: int) -> None:
        at, begin, audio = 0, 0, False
        while (head := file.read(_HEADER))[:4] == b"OggS" and len(head) == _HEADER:
            flags, lengths = head[5], file.read(head[26])
            if flags & _BEGINS and audio:
                self.places.append((begin, at))
                begin = at
            audio, self.ended = not flags & _BEGINS, bool(flags & _ENDS)
            at += _HEADER + len(lengths) + sum(lengths)
            file.seek(at)
        self.ended = self.ended and at <= size
        self.places.append((begin, size))
