"""The rest of a file after the sound that its header states, which FFmpeg does not read or report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from avstudio_audio.media.parts import PARTS, Part, at_place, mp4_box, parts

LEAST = 1 << 16
"""A shorter rest that does not begin like a file is junk, for example a tag of an unknown kind."""
WAVES = (b"RIFF", b"RF64", b"BW64")
UNSTATED = 0xFFFFFFFF
"""The length of a chunk that extends to the end, or is stated elsewhere in RF64."""
TTA_FRAME = (256, 245)
"""The seconds of sound in a frame of TTA, as a fraction."""
TAGS = 1 << 20
"""The bytes after a TTA file that are searched for another one, because tags can be between them."""


def unread_bytes(path: Path) -> int:
    """The bytes after the sound that are not read: another file, or sound beyond the stated size of a WAV.

    Supports WAV, RF64, AIFF, TTA and MP4 without fragments; 0 for other files.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        return _rest(file, at_place(file, 0, 28), size)


def _rest(file: BinaryIO, head: bytes, size: int) -> int:
    if head[:4] in WAVES:
        return _after_wave(file, size)
    if head[4:8] == b"ftyp":
        return _after_mp4(file, size)
    if head[:4] == b"TTA1":
        return _after_tta(file, head, size)
    end = 8 + int.from_bytes(head[4:8]) if head[:4] == b"FORM" else size
    return size - end if at_place(file, end, 4) == head[:4] else 0


def _after_wave(file: BinaryIO, size: int) -> int:
    """After the chunks of a WAV: another file, or what is not a chunk."""
    sound = False
    for kind, start, stop in parts(file, 12, size, 8, lambda head: _chunk(file, head)):
        rest = size - start + 8
        if sound and (kind in WAVES or (rest > LEAST and not _is_kind(file, start))):
            return rest
        if kind == b"data" and stop == start:
            return 0  # FFmpeg reads sound of an unstated length to the end
        sound |= kind == b"data"
    return 0


def _chunk(file: BinaryIO, head: bytes) -> tuple[bytes, int]:
    """A chunk with its even length; RF64 states the length of the sound in its first chunk."""
    length = int.from_bytes(head[4:8], "little")
    if length == UNSTATED and head[:4] == b"data" and at_place(file, 0, 4) != b"RIFF":
        length = int.from_bytes(at_place(file, 28, 8), "little")
    return head[:4], length + length % 2


def _after_mp4(file: BinaryIO, size: int) -> int:
    """From the second file type on; in a file of fragments, all of them are read."""
    boxes: Iterator[Part] = parts(file, 0, size, 8, mp4_box)
    starts: dict[bytes, list[int]] = {}
    for kind, start, _ in boxes:
        starts.setdefault(kind, []).append(start - 8)
    types = starts.get(b"ftyp", [])
    return size - types[1] if len(types) > 1 and b"moof" not in starts else 0


def _is_kind(file: BinaryIO, start: int) -> bool:
    """Whether the name of a chunk is text; some programs leave out the byte that makes a length even."""
    return any(all(32 <= byte < 127 for byte in at_place(file, start - 8 - missing, 4)) for missing in (0, 1))


def _after_tta(file: BinaryIO, head: bytes, size: int) -> int:
    """After a header of 22 bytes, the lengths of the frames, the frames and tags."""
    rate, samples = int.from_bytes(head[10:14], "little"), int.from_bytes(head[14:18], "little")
    count = -(-samples // max(1, rate * TTA_FRAME[0] // TTA_FRAME[1]))
    lengths = at_place(file, 22, 4 * min(count, PARTS))
    frames = sum(int.from_bytes(lengths[at : at + 4], "little") for at in range(0, len(lengths), 4))
    end = 22 + len(lengths) + 4 + frames
    found = at_place(file, end, TAGS).find(head[:6])
    return size - end - found if found >= 0 else 0
