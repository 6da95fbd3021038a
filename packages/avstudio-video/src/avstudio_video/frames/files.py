"""Pictures as files: PNG, JPEG and WebP."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

PictureFormat = Literal["jpeg", "png", "webp"]
MEDIA_TYPES: dict[str, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "npz": "application/x-npz",
    "sheet": "image/png",
}
SUFFIXES = {"jpeg": "jpg", "png": "png", "webp": "webp", "npz": "npz", "sheet": "png"}


def encoded(pixels: Pixels, format: PictureFormat, quality: int) -> bytes:
    """A picture file of RGB pixels; `quality` is 1 to 100, and does not matter for PNG."""
    import av

    codec, layout = {"jpeg": ("mjpeg", "yuvj444p"), "png": ("png", "rgb24"), "webp": ("libwebp", "yuv420p")}[format]
    context: Any = av.CodecContext.create(codec, "w")
    context.height, context.width = pixels.shape[:2]
    context.pix_fmt, context.time_base = layout, Fraction(1, 25)
    if format == "jpeg":
        context.qmin = context.qmax = _jpeg_scale(quality)
    elif format == "webp":
        context.options = {"quality": str(quality)}
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=layout, interpolation="BICUBIC", threads=1)
    frame.pts = 0
    packets = [*context.encode(frame), *context.encode(None)]
    return b"".join(map(bytes, packets))


def _jpeg_scale(quality: int) -> int:
    """FFmpeg's scale of JPEG's tables, 1 (best) to 31, for a quality as in other programs, 1 to 100."""
    factor = 50 / quality if quality < 50 else 2 - quality / 50
    return min(31, max(1, round(factor * 8)))
