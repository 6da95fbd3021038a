"""The last packet of streams that do not state their size: MPEG-TS, MPEG-PS and DV."""

from __future__ import annotations

from os import SEEK_END
from typing import BinaryIO

TAIL = 1 << 18
"""Bytes at the end of MPEG-PS, in which a pack begins."""
PACKETS = 4
"""Packets at both ends of MPEG-TS that are looked at."""
LAYOUTS = ((188, 0), (192, 4), (204, 0))
"""Lengths of its packets, and where each has the mark: broadcast, discs, and with bytes that correct errors."""
MARK = b"\x47"
CODE = b"\0\0\1"
PACK, END = CODE + b"\xba", CODE + b"\xb9"
FIRST_HEADER = 0xBB
"""The least last byte of the code with which a packet of a program stream begins."""
DIF = b"\x1f\x07\0"
STYPE = 80 * 5 + 48 + 3
"""The place of the kind of signal in a frame of DV (IEC 61834-4)."""
HALF, FULL = 0, 4
"""The kinds with 25 and with 50 Mbit/s."""


def is_incomplete(file: BinaryIO, head: bytes) -> bool:
    """Whether a file of one of these formats ends within a packet."""
    return any(check(file, head) for check in (_transport, _program, _dv))


def _transport(file: BinaryIO, head: bytes) -> bool:
    size = file.seek(0, SEEK_END)
    for length, lead in LAYOUTS:
        rest = size % length
        numbers = range(min(PACKETS, size // length))
        starts = [*(length * number for number in numbers), *(size - rest - length * (1 + one) for one in numbers)]
        if len(numbers) > 1 and all(_at(file, start + lead, 1) == MARK for start in starts):
            return rest > lead and _at(file, size - rest + lead, 1) == MARK
    return False


def _program(file: BinaryIO, head: bytes) -> bool:
    """Follow the packets from the last pack on (ISO 13818-1, 11172-1)."""
    if not head.startswith(PACK):
        return False
    file.seek(max(0, file.seek(0, SEEK_END) - TAIL))
    tail = file.read(TAIL)
    place = tail.rfind(PACK)
    while place >= 0 and tail[place : place + 3] == CODE:
        start = tail[place : place + 14]
        if start.startswith(END):
            return False
        if len(start) < 6:
            return True
        if start.startswith(PACK):
            place += _pack_length(start)
        elif start[3] >= FIRST_HEADER:
            place += 6 + int.from_bytes(start[4:6], "big")
        else:
            return False
    return place > len(tail)


def _pack_length(pack: bytes) -> int:
    """Of its header: that of MPEG-2 can have stuffing."""
    stuffed = pack[4] & 0xC0 == 0x40
    return 14 + (pack[13] & 7 if len(pack) > 13 else 0) if stuffed else 12


def _dv(file: BinaryIO, head: bytes) -> bool:
    if not head.startswith(DIF) or len(head) <= STYPE or head[STYPE] & 0x1F not in (HALF, FULL):
        return False
    length = (144_000 if head[3] & 0x80 else 120_000) * (2 if head[STYPE] & 0x1F == FULL else 1)
    size = file.seek(0, SEEK_END)
    rest = size % length
    return rest > 0 and _at(file, size - rest, 3) == DIF[:rest]


def _at(file: BinaryIO, place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)
