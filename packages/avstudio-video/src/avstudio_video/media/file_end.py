"""The end of a file of a format in which FFmpeg does not tell that it is cut short: still pictures, WAVE, CAF, Ogg."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

HEAD = 4096
LEAST = 54
"""Bytes of the shortest file with a size in its header: BMP."""
TAIL = 1 << 17
"""Bytes, in which the last page of Ogg is."""
UNKNOWN = 0x7FFF_0000
"""From this size on, 32 bits in a header stand for one that was not known when the file was begun."""
LARGEST = 1 << 28
"""Bytes of a JPEG file that are searched."""


def tell_cut(name: object, missing: str | None, warn: Callable[[str, str], None]) -> None:
    """Warn with `truncated` about what `cut_short` found."""
    if missing:
        warn("truncated", f"'{name}' is cut short: {missing}.")


def cut_short(path: Path) -> str | None:
    """What is missing of a file; `None` if it is whole, or of a format that does not tell."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
        if (stated := _stated_size(head)) is not None:
            return f"it has {size} of the {stated} bytes that its header states" if size < stated else None
        if head.startswith(b"\xff\xd8\xff"):
            file.seek(0)
            return None if _has_jpeg_end(file.read(LARGEST)) else "the end of the picture is missing"
        file.seek(max(0, size - TAIL))
        tail = file.read(TAIL)
    if head.startswith((b"GIF87a", b"GIF89a")) and not tail.rstrip(b"\0").endswith(b";"):
        return "its end mark is missing"
    if head.startswith(b"\x89PNG\r\n\x1a\n") and b"IEND" not in tail:
        return "its end mark is missing"
    if head.startswith(b"OggS") and not _has_ogg_end(tail):
        return "its last page is missing"
    return None


def _stated_size(head: bytes) -> int | None:
    """The size of a whole file of RIFF, Wave64, CAF or BMP; `None` if its header does not state it."""
    if len(head) < LEAST:
        return None
    if head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"WEBP"):
        size = int.from_bytes(head[4:8], "little")
        return size + 8 if 0 < size < UNKNOWN else None
    if head[:16] == b"riff.\x91\xcf\x11\xa5\xd6(\xdb\x04\xc1\0\0":
        size = int.from_bytes(head[16:24], "little")
        return size if 0 < size < 1 << 62 else None
    if head[:4] == b"caff" and (place := head.find(b"data")) > 0:
        size = int.from_bytes(head[place + 4 : place + 12], "big")
        return place + 12 + size if size < 1 << 62 else None
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return int.from_bytes(head[2:6], "little") or None
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
