"""Media files, made with only the standard library."""

from __future__ import annotations

import math
import sys
import wave
from array import array
from fractions import Fraction
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
    step, count = 2.0 * math.pi * frequency / rate, round(seconds * rate)
    period = (Fraction(frequency) / rate).denominator  # in samples: at 44.1 kHz, 440 Hz repeats after 2205
    some = array("h", (round(32767 * level * math.sin(step * n)) for n in range(min(period, max(count, 1)))))
    samples = (some * (count // len(some) + 1))[:count]
    if sys.byteorder == "big":
        samples.byteswap()
    frames = array("h", bytes(2 * count * channels))
    for channel in range(channels):
        frames[channel::channels] = samples
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames.tobytes())
    return path
