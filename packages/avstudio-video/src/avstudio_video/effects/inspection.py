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
    ends, packet, decoded = _contents(path)
    if not decoded:
        return "No frame of the file can be decoded."
    if abs(ends["video"] - length) > frame + COARSE:
        return f"The picture ends after {ends['video']:.3f} s and not after {length:.3f} s."
    if sound and abs(ends["audio"] - length) > SOUND_OFF + COARSE + packet:
        return f"The sound ends after {ends['audio']:.3f} s and the picture after {length:.3f} s."
    return ""


def _contents(path: Path) -> tuple[dict[str, float], float, bool]:
    """When picture and sound end, the length of a packet of sound, and whether a frame can be decoded."""
    ends, longest, decoded = {"video": 0.0, "audio": 0.0}, 0.0, 0
    with open_media(path) as container:
        origin = Fraction(container.start_time or 0, 1_000_000)
        for packet in container.demux():
            kind = packet.stream.type
            if packet.size and packet.pts is not None and kind in ends:
                unit = Fraction(packet.time_base or 0)
                ends[kind] = max(ends[kind], float((packet.pts + (packet.duration or 0)) * unit - origin))
                longest = max(longest, float((packet.duration or 0) * unit)) if kind == "audio" else longest
            decoded += _decodes(packet) if not decoded and kind == "video" else 0
    return ends, longest, decoded > 0


def _decodes(packet: object) -> int:
    import av

    with suppress(av.FFmpegError):
        return len(packet.decode())  # type: ignore[attr-defined]
    return 0
