"""The memory of a run, estimated before its files are opened, from the sizes of pictures as far as they are known."""

from __future__ import annotations

from math import ceil

from avstudio_core import Artifact
from avstudio_video.encoding.containers import VideoCodec

FULL_HD = 1920 * 1080
"""Pixels of a frame whose size is not known."""
STEP_MB = 256
"""Estimates are rounded up to multiples of it, so that a warm worker can take most other runs."""
LIBRARIES_MB = 150
SMALL_MB = 512
"""What a worker may take for a run that does not state its memory; runs that do are admitted one by one."""
DECODED = 60
"""Bytes for each pixel of a frame: what a decoder keeps, and frames that wait."""
DECODED_ALONE, RGB = 20, 3
"""Likewise of a decoder with one thread; and of a picture that is kept."""
DECODERS = 4
"""The most that decode one video side by side."""
ENCODED: dict[VideoCodec, int] = {
    "h264": 240,
    "hevc": 340,
    "av1": 400,
    "vp9": 200,
    "prores": 100,
    "ffv1": 60,
    "gif": 60,
    "webp": 60,
    "apng": 60,
}
"""Bytes for each pixel of a frame that an encoder keeps, measured for the longest effort."""


def pixels_of(source: Artifact | None) -> int:
    """The pixels of a frame of a video."""
    facts = source.facts if source else None
    return facts.width * facts.height if facts and facts.width and facts.height else FULL_HD


def rewritten_mb(source: Artifact | None, codec: VideoCodec, pixels: int | None = None) -> int:
    """What it takes to decode a video, and to encode it, with frames of so many pixels."""
    given = pixels_of(source)
    encoded = ENCODED[codec] * (given if pixels is None else pixels)
    return rounded(LIBRARIES_MB + (DECODED * given + encoded) / 1e6)


def analyzed_mb(source: Artifact | None, decoders: int, kept: int = 0) -> int:
    """What it takes to analyse a video with some decoders side by side, and to keep so many pixels of it.

    0 if that is little.
    """
    needed = LIBRARIES_MB + (decoders * DECODED_ALONE * pixels_of(source) + RGB * kept) / 1e6
    return rounded(needed) if needed > SMALL_MB else 0


def rounded(mb: float) -> int:
    """The next multiple of the step."""
    return STEP_MB * ceil(mb / STEP_MB)
