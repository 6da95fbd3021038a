"""What a finished file really has, compared with what was computed."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from avstudio_video.media.container import open_media

SOUND_OFF = 0.05
"""Seconds by which the ends of picture and sound may differ."""
COARSE = 0.02
"""Seconds by which times may be rounded by a container."""


def fault(path: Path, length: float, frame: float, *, sound: bool) -> str:
    """What is wrong with a file that should have a length in seconds; `frame` is the longest of a frame.

    Empty if nothing is wrong.
    """
    with open_media(path) as container:
        if not container.streams.video:
            return "The file does not have a picture."
        ends, decoded = {"video": Fraction(0), "audio": Fraction(0)}, 0
        origin = Fraction(container.start_time or 0, 1_000_000)
        for packet in container.demux():
            if packet.size and packet.pts is not None and packet.stream.type in ends:
                end = (packet.pts + (packet.duration or 0)) * Fraction(packet.time_base or 0) - origin
                ends[packet.stream.type] = max(ends[packet.stream.type], end)
            decoded += _decodes(packet) if not decoded and packet.stream.type == "video" else 0
    if not decoded:
        return "No frame of the file can be decoded."
    if abs(float(ends["video"]) - length) > frame + COARSE:
        return f"The picture ends after {float(ends['video']):.3f} s and not after {length:.3f} s."
    if sound and abs(float(ends["audio"]) - length) > SOUND_OFF + COARSE:
        return f"The sound ends after {float(ends['audio']):.3f} s and the picture after {length:.3f} s."
    return ""


def _decodes(packet: object) -> int:
    import av

    with suppress(av.FFmpegError):
        return len(packet.decode())  # type: ignore[attr-defined]
    return 0
