"""The samples in FFmpeg's frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

NUMBERS = {
    "u8": ("u1", 2.0**-7, -1.0),
    "s16": ("i2", 2.0**-15, 0.0),
    "s32": ("i4", 2.0**-31, 0.0),
    "flt": ("f4", 1.0, 0.0),
    "dbl": ("f8", 1.0, 0.0),
}
"""FFmpeg's sample formats that numpy can read: dtype, and the factor and offset that scale it to −1 to 1."""


def readable_format(frame: AudioFrame) -> str:
    """The frame's sample format, or `flt` if numpy cannot read it: an unknown one, or more than 8 planes."""
    name, planar = frame.format.name, frame.format.is_planar
    known = name.removesuffix("p") in NUMBERS
    return name if known and not (planar and frame.layout.nb_channels > 8) else "flt"


def numbers_of(frame: AudioFrame, channels: int) -> NDArray[np.float32]:
    """The samples of a frame as `(channels, samples)`."""
    import numpy as np

    kind, factor, offset = NUMBERS[frame.format.name.removesuffix("p")]
    count, planes = frame.samples, frame.planes
    if frame.format.is_planar:
        numbers = np.stack([np.frombuffer(memoryview(planes[i]), kind, count) for i in range(channels)])
    else:
        numbers = np.frombuffer(memoryview(planes[0]), kind, count * channels).reshape(count, channels).T
    if kind == "f4":
        return numbers
    array = numbers.astype(np.float32)
    array *= np.float32(factor)
    array += np.float32(offset)
    return array
