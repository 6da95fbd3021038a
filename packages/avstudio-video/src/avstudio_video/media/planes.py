"""The components of a decoded frame as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

EIGHT_BITS = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")
"""Pixel formats whose components are bytes in planes of their own."""

CLEAR_FORMATS = {"yuv420p": "yuva420p", "yuv422p": "yuva422p", "yuv444p": "yuva444p"}
"""Some of them, and those with a fourth plane of opacity."""


def planes(frame: VideoFrame) -> list[Plane]:
    """The components of a frame in one of `EIGHT_BITS`, also with opacity, each `(height, width)`, without a copy."""
    import numpy as np

    found: list[Any] = [*frame.planes]
    return [np.frombuffer(one, np.uint8).reshape(-1, one.line_size)[: one.height, : one.width] for one in found]


def eight_bits(frame: VideoFrame, scaler: VideoReformatter) -> VideoFrame:
    """The frame itself, or a copy with components of 8 bits in planes."""
    if frame.format.name in EIGHT_BITS:
        return frame
    return scaler.reformat(frame, format="yuv420p", threads=1)


def is_full_range(frame: VideoFrame) -> bool:
    """Whether luma has the range from 0 to 255, and not from 16 to 235."""
    return frame.format.name.startswith("yuvj") or int(frame.color_range) == 2


def is_transparent(frame: VideoFrame) -> bool:
    """Whether a pixel of a frame is not opaque."""
    format = frame.format
    if not format.has_palette and not any(one.is_alpha for one in format.components):
        return False
    if format.name in CLEAR_FORMATS.values():
        return bool((planes(frame)[3] < 255).any())
    rgba: Any = frame if format.name in ("rgba", "bgra") else frame.reformat(format="rgba")
    return bool((rgba.to_ndarray()[..., 3] < 255).any())
