"""Media files, made with only the standard library."""

from __future__ import annotations

import math
import sys
import wave
from array import array
from itertools import chain
from pathlib import Path


def tone(
    path: Path,
    *,
    seconds: float = 2.0,
    rate: int = 44_100,
    channels: int = 1,
    level: float = 0.5,
    frequency: float = 440.0,
) -> Path:
    """Write a sine wave, the same in every channel, as a 16-bit WAV.

    `level` is the peak from 0 to 1, so 0 is silence; `frequency` is in Hz, `rate` in samples per second.
    """
    step = 2.0 * math.pi * frequency / rate
    samples = array("h", (round(32767 * level * math.sin(step * n)) for n in range(round(seconds * rate))))
    if sys.byteorder == "big":
        samples.byteswap()
    frames = array("h", chain.from_iterable(zip(*[samples] * channels, strict=True)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames.tobytes())
    return path
