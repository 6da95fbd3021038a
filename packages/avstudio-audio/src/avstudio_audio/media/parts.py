"""The consecutive parts of a file: chunks, boxes, frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

PARTS = 1_000_000
"""The most parts that are read in one folder: 100 hours of video have fewer."""

Part = tuple[bytes, int, int]
"""The kind of a part, and the start and end of its content."""


def parts(
    file: BinaryIO, begin: int, end: int, header: int, read: Callable[[bytes], tuple[bytes, int]]
) -> Iterator[Part]:
    """The consecutive parts of a file, each with a header for kind and length, and its content."""
    at = begin
    for _ in range(PARTS):
        head = at_place(file, at, header + 8) if at + header <= end else b""
        kind, length = read(head) if any(head) else (b"", -1)
        if length < 0:
            return
        yield kind, at + header, min(at + header + length, end)
        at += header + length


def mp4_box(head: bytes) -> tuple[bytes, int]:
    """A box with its length, which includes the header; 0 means up to the end, 1 means a longer number."""
    length = int.from_bytes(head[:4])
    if length == 1:
        length = int.from_bytes(head[8:16])
    return head[4:8], (length or 1 << 62) - 8


def at_place(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)
