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
"""The codes of packets end with this byte, or a higher one."""
DIF = b"\x1f\x07\0"
STYPE = 80 * 5 + 48 + 3
"""The place of the kind of signal in a frame of DV (IEC 61834-4)."""
RATES = {0x00: 1, 0x04: 2, 0x14: 4, 0x18: 2}
"""The kinds, and how many times as long their frames are as those of 25 Mbit/s (SMPTE 314M, 370M)."""
LENGTHS = (120_000, 144_000)
"""Bytes of a frame of 25 Mbit/s, with 525 and 625 lines."""


def is_incomplete(file: BinaryIO, head: bytes) -> bool:
    """Whether a file of one of these formats ends within a packet."""
    return any(check(file, head) for check in (_transport, _program, _dv))


def _transport(file: BinaryIO, head: bytes) -> bool:
    """The last packets tell where packets end: in between, some bytes may be missing."""
    for length, lead in LAYOUTS:
        if head[lead::length][:PACKETS] != MARK * PACKETS:
            continue
        file.seek(-min(file.seek(0, SEEK_END), length * (PACKETS + 1)), SEEK_END)
        tail = file.read()
        for rest in range(min(length, len(tail) - length * PACKETS + 1)):
            whole = tail[: len(tail) - rest]
            if whole[-length * PACKETS :][lead::length] == MARK * PACKETS:
                return rest > 0 and (rest <= lead or tail[len(whole) + lead : len(whole) + lead + 1] == MARK)
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
    if not (length := _dv_length(head)):
        return False
    rest = file.seek(0, SEEK_END) % length
    file.seek(-rest, SEEK_END)
    last = file.read(STYPE + 1)
    return last.startswith(DIF) and rest < (_dv_length(last) or length)


def _dv_length(frame: bytes) -> int:
    """The bytes of a frame, from its beginning; 0 for what is not a frame, or of a kind that is not known."""
    if not frame.startswith(DIF) or len(frame) <= STYPE:
        return 0
    return RATES.get(frame[STYPE] & 0x1F, 0) * LENGTHS[frame[3] >> 7]
