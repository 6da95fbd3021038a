"""The length that a file states, and whether it is reliable."""

from __future__ import annotations

import mmap
import re
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.ogg import OggLinks

if TYPE_CHECKING:
    from av.container import InputContainer

GUESSED = ("aac", "loas", "amr", "ac3", "eac3")
"""Formats that do not state their length; FFmpeg estimates it from the bit rate."""
MP3_HEADER = re.compile(rb"Xing|Info|VBRI")
MP3_HEAD = 4096
"""The bytes at the start of the sound that contain this header."""
FLAC_START = b"fLaC\0\0\0\x22"


def states_length(container: InputContainer, path: Path) -> bool:
    """Whether FFmpeg's length is stated by the file, and not an estimate from its size."""
    name = container.format.name
    return name not in GUESSED and (name != "mp3" or _mp3_states_length(path))


def length(container: InputContainer, path: Path) -> tuple[float | None, bool]:
    """The length of an open file in seconds, if it is known before decoding, and whether it is an estimate.

    The length of files joined end to end is their sum: FFmpeg gives the length of one of them.
    """
    streams = container.streams
    if len(streams) == 1 and streams.audio and container.format.name == "ogg":
        links = OggLinks(path)
        if len(links.places) > 1 and streams.audio[0].time_base:
            return sum(links.lengths) * float(streams.audio[0].time_base), False
    if container.format.name == "flac" and len(parts := _flac_lengths(path)) > 1:
        return sum(parts), not all(parts)
    stated = container.duration / 1_000_000 if container.duration and container.duration > 0 else None
    return stated, stated is not None and not states_length(container, path)


def _mp3_states_length(path: Path) -> bool:
    """Whether an MP3 has a header that states its length, and ends where it says: another file may be joined to it."""
    start, rest = mp3_start(path)
    if (found := MP3_HEADER.search(start)) is None:
        return False
    content = start[found.end() :]
    frames_at, size_at = (10, 6) if found[0] == b"VBRI" else (4, 8)
    flags = 3 if found[0] == b"VBRI" else int.from_bytes(content[:4])
    frames = int.from_bytes(content[frames_at : frames_at + 4]) if flags & 1 else 0
    size = int.from_bytes(content[size_at : size_at + 4]) if flags & 3 == 3 else rest
    return frames > 0 and rest <= size + size // 16  # FFmpeg's rule


def mp3_start(path: Path, size: int = MP3_HEAD) -> tuple[bytes, int]:
    """The first bytes after all ID3 tags, and the number of bytes from there to the end."""
    with path.open("rb") as file:
        begin = 0
        while (head := file.read(10))[:3] == b"ID3":
            begin += 10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
            file.seek(begin)
        file.seek(begin)
        return file.read(size), path.stat().st_size - begin


def _flac_lengths(path: Path) -> list[float]:
    """The length in seconds of each of the FLAC files joined in a file; 0 if it is not stated."""
    lengths = []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(FLAC_START)
        while at >= 0:
            rate = int.from_bytes(content[at + 18 : at + 21]) >> 4  # RFC 9639, section 8.2
            samples = int.from_bytes(content[at + 21 : at + 26]) & ((1 << 36) - 1)
            lengths.append(samples / rate if rate else 0.0)
            at = content.find(FLAC_START, at + len(FLAC_START))
    return lengths
