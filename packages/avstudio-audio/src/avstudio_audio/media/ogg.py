"""The pages of an Ogg file (RFC 3533)."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from avstudio_audio.media.output_file import OutputFile

_HEADER = 27
_SERIAL, _CHECKSUM = slice(14, 18), slice(22, 26)
"""Where a header has the number of its stream, and the checksum of its page."""
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in the reverse order."""
_BEGINS, _ENDS = 2, 4
"""Flags of a page: the first page of a stream, the last page of a stream."""
_OPUS_HEAD = 12
"""The bytes of an Opus header that are read."""


class OggLinks:
    """The links of a chained file: complete Ogg streams, one after the other; most files have one link."""

    def __init__(self, path: Path) -> None:
        self.places: list[tuple[int, int]] = []
        """The start and end of each link, in bytes."""
        self.lengths: list[int] = []
        """The length of each link, in the unit of its codec's time stamps."""
        self.ended = False
        """Whether the last page is marked as the last: a truncated file lacks that page."""
        with path.open("rb") as file:
            self._read(file, path.stat().st_size)

    def _read(self, file: BinaryIO, size: int) -> None:
        at, begin, audio, stamp, skipped = 0, 0, False, 0, 0
        while (head := file.read(_HEADER))[:4] == b"OggS" and len(head) == _HEADER:
            flags, lengths = head[5], file.read(head[26])
            if flags & _BEGINS and audio:
                self._add(begin, at, stamp - skipped)
                begin, stamp = at, 0
            if flags & _BEGINS:
                skipped = _opus_delay(file.read(_OPUS_HEAD))
            audio, self.ended = not flags & _BEGINS, bool(flags & _ENDS)
            stamp = max(stamp, int.from_bytes(head[6:14], "little", signed=True))
            at = file.seek(at + _HEADER + len(lengths) + sum(lengths))
        self.ended &= at <= size
        self._add(begin, size, stamp - skipped)

    def _add(self, begin: int, end: int, length: int) -> None:
        self.places.append((begin, end))
        self.lengths.append(max(0, length))


def _opus_delay(head: bytes) -> int:
    """The samples at the start that players leave out (RFC 7845, section 5.1); 0 for other codecs."""
    return int.from_bytes(head[10:12], "little") if head.startswith(b"OpusHead") else 0


def number_by_content(file: OutputFile) -> None:
    """Replace the number of the only stream in a file, which libsndfile chooses at random, by one of its content.

    Equal sound gives equal files, and files that are joined end to end have streams with different numbers.
    """
    number = 0
    for page in _pages(file):
        number = zlib.crc32(page, number)
    for page in _pages(file):
        page[_SERIAL] = number.to_bytes(4, "little")
        page[_CHECKSUM] = _checksum(page)
        file.seek(-len(page), os.SEEK_CUR)
        file.write(bytes(page))


def _pages(file: OutputFile) -> Iterator[bytearray]:
    """The pages of a file with one stream, without its number and without checksums."""
    file.seek(0)
    while head := file.read(_HEADER):
        lengths = file.read(head[-1])
        page = bytearray(head + lengths + file.read(sum(lengths)))
        page[_SERIAL] = page[_CHECKSUM] = bytes(4)
        yield page


def _checksum(page: bytearray) -> bytes:
    """The checksum of a page without one (RFC 3533, section 6): that of zlib with all bits reversed."""
    whole = (1 << 32) - 1
    found = zlib.crc32(page.translate(_REVERSED), whole) ^ whole
    return found.to_bytes(4, "big").translate(_REVERSED)
