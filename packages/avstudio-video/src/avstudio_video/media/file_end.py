"""What is missing at the end of a file: FFmpeg does not tell for most formats."""

from __future__ import annotations

import struct
from pathlib import Path

from avstudio_video.media.last_packet import is_incomplete
from avstudio_video.media.stated_size import HEAD, stated_size

TAIL = 1 << 17
"""Bytes, in which the last page of Ogg is."""
LARGEST = 1 << 28
"""Bytes of a JPEG file that are searched."""


def cut_short(path: Path) -> str | None:
    """What is missing of a file; `None` if it is whole, or of a format that does not tell."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if (stated := stated_size(file)) is not None:
            return f"it has {size} of the {stated} bytes that its header states" if size < stated else None
        file.seek(0)
        head = file.read(HEAD)
        if head.startswith(b"\xff\xd8\xff"):
            file.seek(0)
            return None if _has_jpeg_end(file.read(LARGEST)) else "the end of the picture is missing"
        if is_incomplete(file, head):
            return "its last packet is not complete"
        file.seek(max(0, size - TAIL))
        tail = file.read(TAIL)
    if head.startswith((b"GIF87a", b"GIF89a")) and not tail.rstrip(b"\0").endswith(b";"):
        return "its end mark is missing"
    if head.startswith(b"\x89PNG\r\n\x1a\n") and b"IEND" not in tail:
        return "its end mark is missing"
    if head.startswith(b"OggS") and not _has_ogg_end(tail):
        return "its last page is missing"
    return None


def _has_jpeg_end(data: bytes) -> bool:
    """Whether the end mark comes after the scans; a thumbnail in the header has one of its own."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        place += 1 if data[place + 1] == 0xFF else 2 + struct.unpack_from(">H", data, place + 2)[0]
    return data.find(b"\xff\xd9", place) >= 0


def _has_ogg_end(tail: bytes) -> bool:
    """Whether the last page is whole and has the mark that no other follows."""
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return False
    lengths = page[27 : 27 + page[26]]
    return bool(page[5] & 4) and len(page) >= 27 + len(lengths) + sum(lengths)
