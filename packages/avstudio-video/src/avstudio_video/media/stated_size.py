"""The size of a whole file, as its own header states it: a shorter file is cut short."""

from __future__ import annotations

import struct
from collections.abc import Callable
from os import SEEK_END
from typing import BinaryIO

HEAD = 4096
"""Bytes at the start of a file that are enough to know it."""
LEAST = 54
"""Bytes of the shortest file with a size in its header: BMP."""
UNKNOWN = 0x7FFF_0000
"""From this size on, 32 bits in a header stand for one that was not known when the file was begun."""
LARGEST = 1 << 62
"""No file has so many bytes."""
MOST = 1 << 18
"""Parts of a file that are looked at, one after the other."""
WAVE64 = bytes.fromhex("72696666 2e91cf11a5d628db04c10000")
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
"""The object of a header whose fields are a size, an identifier, and the size of the file."""
SEGMENT = bytes.fromhex("18538067")
"""The element of Matroska in which everything is."""
BOXES = (
    b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"prft", b"emsg",
    b"meta", b"udta", b"uuid", b"pdin", b"pnot",
)  # fmt: skip
"""Those outside others in MP4 and QuickTime; other ones are known if they are whole."""
MXF = bytes.fromhex("060e2b34020501010d01020101")


def stated_size(file: BinaryIO) -> int | None:
    """In bytes; `None` for a format that does not state it, or a file that was begun without knowing it."""
    head = file.read(HEAD)
    if len(head) < LEAST:
        return None
    for begins, size in SIZES:
        if begins(head):
            return size(file, head)
    return None


def _riff(file: BinaryIO, head: bytes) -> int | None:
    """The size of WAVE and WebP, and of AVI, which has another chunk after each gigabyte."""
    place = 0
    for _ in range(MOST):
        size = int.from_bytes(head[4:8], "little")
        if not 0 < size < UNKNOWN:
            return None
        place += 8 + size
        file.seek(place + size % 2)
        head = file.read(8)
        if head[:4] != b"RIFF" or len(head) < 8:
            break
        place += size % 2
    return place


def _wave(file: BinaryIO, head: bytes) -> int | None:
    """The size of WAVE. Some writers count the eight bytes before it, too; then the end of the samples decides."""
    size, samples = _riff(file, head), head.find(b"data", 12)
    end = samples + 8 + int.from_bytes(head[samples + 4 : samples + 8], "little")
    return end if size is not None and samples > 0 and end == size - 8 else size


def _rf64(file: BinaryIO, head: bytes) -> int | None:
    """The size of WAVE with 64 bits (EBU Tech 3306)."""
    size = int.from_bytes(head[20:28], "little")
    return 8 + size if head[12:16] == b"ds64" and 0 < size < LARGEST else None


def _aiff(file: BinaryIO, head: bytes) -> int | None:
    size = int.from_bytes(head[4:8], "big")
    return 8 + size if 0 < size < UNKNOWN else None


def _au(file: BinaryIO, head: bytes) -> int | None:
    start, size = (int.from_bytes(head[place : place + 4], "big") for place in (4, 8))
    return start + size if 0 < size < UNKNOWN else None


def _wave64(file: BinaryIO, head: bytes) -> int | None:
    size = int.from_bytes(head[16:24], "little")
    return size if 0 < size < LARGEST else None


def _caf(file: BinaryIO, head: bytes) -> int | None:
    place, chunk = 8, head[8:20]
    for _ in range(MOST):
        size = int.from_bytes(chunk[4:], "big")
        if len(chunk) < 12 or size > LARGEST:
            break
        place += 12 + size
        if chunk.startswith(b"data"):
            return place
        file.seek(place)
        chunk = file.read(12)
    return None


def _bmp(file: BinaryIO, head: bytes) -> int | None:
    return int.from_bytes(head[2:6], "little") or None


def _boxes(file: BinaryIO, head: bytes) -> int | None:
    """The end of the last box of MP4 and QuickTime (ISO 14496-12)."""
    place, end = 0, file.seek(0, SEEK_END)
    for _ in range(MOST):
        file.seek(place)
        box = file.read(16)
        if not box:
            return place
        if 4 < len(box) < 8 and any(one.startswith(box[4:]) for one in BOXES):
            return place + 8
        size = int.from_bytes(box[:4], "big")
        size = int.from_bytes(box[8:], "big") if size == 1 else size
        if size < 8 or size > LARGEST:
            break  # 0 goes to the end of the file
        if box[4:8] not in BOXES and place + size > end:
            break  # what comes after the boxes does not belong to the file
        place += size
    return None


def _matroska(file: BinaryIO, head: bytes) -> int | None:
    place = head.find(SEGMENT) + len(SEGMENT)
    if place < len(SEGMENT) or place >= len(head) or not head[place]:
        return None
    length = 9 - head[place].bit_length()
    size = int.from_bytes(head[place : place + length], "big") & (1 << 7 * length) - 1
    return None if size == (1 << 7 * length) - 1 else place + length + size


def _flash(file: BinaryIO, head: bytes) -> int | None:
    """The size in the metadata of FLV."""
    place = head.find(b"filesize\0") + 9
    if place < 9 or place + 8 > len(head):
        return None
    (size,) = struct.unpack_from(">d", head, place)
    return int(size) if 0 < size < LARGEST else None


def _asf(file: BinaryIO, head: bytes) -> int | None:
    place = head.find(ASF_PROPERTIES) + 40
    if place < 40 or place + 52 > len(head):
        return None
    live = head[place + 48] & 1
    return None if live else int.from_bytes(head[place : place + 8], "little") or None


def _mxf(file: BinaryIO, head: bytes) -> int | None:
    """At least the place of the footer, which comes at the end (SMPTE 377-1)."""
    place = 16 + (1 if head[16] < 0x80 else 1 + (head[16] & 0x7F)) + 24
    return int.from_bytes(head[place : place + 8], "big") or None


SIZES: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, bytes], int | None]], ...] = (
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"WAVE", _wave),
    (lambda head: head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"AVI "), _riff),
    (lambda head: head[:4] in (b"RF64", b"BW64") and head[8:12] == b"WAVE", _rf64),
    (lambda head: head.startswith(WAVE64), _wave64),
    (lambda head: head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"), _aiff),
    (lambda head: head.startswith(b".snd"), _au),
    (lambda head: head.startswith(b"caff"), _caf),
    (lambda head: head[:2] == b"BM" and head[6:10] == bytes(4), _bmp),
    (lambda head: head[4:8] in (*BOXES[:6], b"styp"), _boxes),
    (lambda head: head.startswith(b"\x1a\x45\xdf\xa3"), _matroska),
    (lambda head: head.startswith(b"FLV"), _flash),
    (lambda head: head.startswith(ASF), _asf),
    (lambda head: head.startswith(MXF), _mxf),
)
"""How a format is known, and what its size is."""
