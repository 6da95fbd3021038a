"""Counts the tags of a file before FFmpeg reads them, because FFmpeg compares each tag with all earlier ones.

Supports ID3v2, Vorbis comments (FLAC, Ogg), MP4, Matroska, RIFF and AIFF, and APEv2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Literal

from avstudio_audio.media.parts import PARTS, Part, at_place, mp4_box, parts

MOST = 5_000
"""The most tags of a file: FFmpeg takes 0.5 s for so many, and 30 s for 40,000."""
HEAD = 1 << 16
"""The bytes that are searched for the count of a Vorbis comment, after the name of the program that wrote it."""
VORBIS_COMMENT = re.compile(rb"\x03vorbis|OpusTags")
MP4_FOLDERS = (b"moov", b"udta", b"trak", b"ilst")
SEGMENT, TAGS, TAG, SIMPLE_TAG = 0x18538067, 0x1254C367, 0x7373, 0x67C8
CHAPTERS, EDITION, CHAPTER = 0x1043A770, 0x45B9, 0xB6
MATROSKA_FOLDERS = (SEGMENT, TAGS, TAG, CHAPTERS, EDITION)

DEEPEST = 8
"""The deepest nesting of folders; no real file needs so much."""


def too_many_tags(file: BinaryIO) -> bool:
    """Whether a file, read from its start, has more than `MOST` tags."""
    size = file.seek(0, 2)
    begin = 0
    while (head := at_place(file, begin, 10))[:3] == b"ID3":
        end = begin + 10 + _seven_bits(head[6:])
        if _more(_id3_frames(file, head[3], begin + 10, end)):
            return True
        begin = end
    return _more(_tags(file, begin, size)) or _ape_count(file, size) > MOST


def _tags(file: BinaryIO, begin: int, size: int) -> Iterator[object]:
    """One object for each tag."""
    head = at_place(file, begin, 12)
    if head[:4] in (b"fLaC", b"OggS"):
        yield from range(_vorbis_comments(file, begin, size))
    elif head[:4] == b"\x1a\x45\xdf\xa3":
        yield from _matroska_tags(file, begin, size)
    elif head[:4] in (b"RIFF", b"RF64", b"FORM"):
        yield from _riff_tags(file, begin + 12, size, "little" if head[:1] == b"R" else "big")
    elif head[4:8] in (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip"):
        yield from _mp4_tags(file, begin, size)


def _vorbis_comments(file: BinaryIO, begin: int, size: int) -> int:
    """The number of comments in FLAC, or in the first stream of Ogg."""
    start = at_place(file, begin, HEAD)
    if start[:4] == b"OggS":
        found = VORBIS_COMMENT.search(start)
        return _comment_count(start[found.end() :]) if found else 0
    blocks = parts(file, begin + 4, size, 4, _flac_block)
    return sum(_comment_count(at_place(file, place, HEAD)) for kind, place, _ in blocks if kind == b"\x04")


def _id3_frames(file: BinaryIO, version: int, begin: int, end: int) -> Iterator[Part]:
    if version == 2:
        return parts(file, begin, end, 6, lambda head: (head[:3], int.from_bytes(head[3:6])))
    length = _seven_bits if version > 3 else int.from_bytes
    return parts(file, begin, end, 10, lambda head: (head[:4], length(head[4:8])))


def _mp4_tags(file: BinaryIO, begin: int, end: int, folder: bytes = b"", depth: int = 0) -> Iterator[object]:
    for kind, start, stop in parts(file, begin, end, 8, mp4_box):
        if folder in (b"ilst", b"udta"):
            yield kind
        if depth < DEEPEST and (kind in MP4_FOLDERS or kind == b"meta"):
            version = 4 if kind == b"meta" and at_place(file, start, 8)[4:] != b"hdlr" else 0
            yield from _mp4_tags(file, start + version, stop, kind, depth + 1)


def _riff_tags(file: BinaryIO, begin: int, end: int, order: Literal["little", "big"]) -> Iterator[object]:
    def chunk(head: bytes) -> tuple[bytes, int]:
        length = int.from_bytes(head[4:8], order)
        return head[:4], length + length % 2

    for kind, start, stop in parts(file, begin, end, 8, chunk):
        yield kind
        if kind.upper() == b"ID3 ":
            head = at_place(file, start, 10)
            yield from _id3_frames(file, head[3] if len(head) > 3 else 3, start + 10, stop)
        elif kind == b"LIST" and at_place(file, start, 4) == b"INFO":
            yield from parts(file, start + 4, stop, 8, chunk)


def _matroska_tags(file: BinaryIO, begin: int, end: int, depth: int = 0) -> Iterator[object]:
    for kind, start, stop in _matroska_parts(file, begin, end):
        if kind in MATROSKA_FOLDERS and depth < DEEPEST:
            yield from _matroska_tags(file, start, stop, depth + 1)
        elif kind in (SIMPLE_TAG, CHAPTER):
            yield kind


def _matroska_parts(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The elements of a folder; one of unknown length extends to the end."""
    at = begin
    for _ in range(PARTS):
        head = at_place(file, at, 12) if at < end else b""
        if not (name := _width(head)) or not (width := _width(head[name:])):
            return
        unknown = (1 << 7 * width) - 1
        size = int.from_bytes(head[name : name + width]) & unknown
        at += name + width
        stop = end if size == unknown else min(at + size, end)
        yield int.from_bytes(head[:name]), at, stop
        at = stop


def _flac_block(head: bytes) -> tuple[bytes, int]:
    kind = head[0] & 0x7F
    return (bytes([kind]), int.from_bytes(head[1:4])) if kind < 7 else (b"", -1)


def _comment_count(comment: bytes) -> int:
    """The count in a Vorbis comment, after the name of the program that wrote it."""
    name = int.from_bytes(comment[:4], "little")
    return int.from_bytes(comment[4 + name : 8 + name], "little")


def _ape_count(file: BinaryIO, size: int) -> int:
    for end in (size, size - 128):  # an ID3v1 may follow
        footer = at_place(file, max(0, end - 32), 32)
        if footer[:8] == b"APETAGEX":
            return int.from_bytes(footer[16:20], "little")
    return 0


def _seven_bits(number: bytes) -> int:
    """A number with seven bits per byte, as in ID3."""
    value = 0
    for byte in number:
        value = value << 7 | byte & 0x7F
    return value


def _width(first: bytes) -> int:
    """The number of bytes of a Matroska number, from its first byte; 0 if it is not valid."""
    return 9 - first[0].bit_length() if first and first[0] else 0


def _more(tags: Iterator[object]) -> bool:
    return any(number >= MOST for number, _ in enumerate(tags))
