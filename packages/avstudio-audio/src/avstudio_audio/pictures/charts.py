"""The charts of what was measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from avstudio_audio.analysis.key import NAMES
from avstudio_audio.loudness.gates import OFFSET
from avstudio_audio.pictures.chart import Chart
from avstudio_audio.pictures.colours import coloured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUIETEST_DB = -100.0
"""The level of the darkest colour of a spectrogram, in dB relative to full scale."""
LOUDNESS = (-60.0, 0.0)
"""The range of a loudness curve, in LUFS."""


def waveform(low: NDArray[np.float32], high: NDArray[np.float32], duration: float) -> Chart:
    """The lowest and highest samples over time; −1 to 1, or more if they exceed full scale."""
    import numpy as np

    most = max(1.0, float(np.max(np.abs([low, high]), initial=0.0)))
    ticks = tuple(((value / most + 1) / 2, f"{value:+g}" if value else "0") for value in (-1.0, -0.5, 0.0, 0.5, 1.0))
    return Chart(duration, ticks, outline=((low / most + 1) / 2, (high / most + 1) / 2))


def spectrogram(levels: NDArray[np.float32], frequencies: tuple[float, float], duration: float) -> Chart:
    """Levels in dB of `(frames, bands)`, whose frequencies rise by equal factors between two bounds in Hz."""
    image = coloured((levels.T[::-1] - QUIETEST_DB) / -QUIETEST_DB)
    span = math.log(frequencies[1] / frequencies[0])
    labels = [(hertz, f"{hertz:g} Hz" if hertz < 1000 else f"{hertz / 1000:g} kHz") for hertz in _round(*frequencies)]
    return Chart(
        duration, tuple((math.log(hertz / frequencies[0]) / span, text) for hertz, text in labels), image=image
    )


def chroma(classes: NDArray[np.float32], duration: float) -> Chart:
    """The twelve pitch classes `(12, frames)` from C at the bottom to B."""
    ticks = tuple(((number + 0.5) / 12, name) for number, name in enumerate(NAMES))
    return Chart(duration, ticks, image=coloured(classes[::-1]))


def loudness(energies: NDArray[np.float64], duration: float) -> Chart:
    """Loudness over time, from energies as `Meter.short_term` gives them."""
    import numpy as np

    low, high = LOUDNESS
    values = OFFSET + 10 * np.log10(np.maximum(energies, 1e-12))
    heights = np.clip((values - low) / (high - low), 0, 1)
    ticks = tuple(((value - low) / (high - low), f"{value:g}") for value in (-50.0, -40.0, -30.0, -20.0, -10.0))
    return Chart(duration, ticks, outline=(np.zeros_like(heights), heights))


def _named(hertz: float) -> str:
    return f"{hertz:g} Hz" if hertz < 1000 else f"{hertz / 1000:g} kHz"


def _round(low: float, high: float) -> list[float]:
    """The frequencies with labels."""
    return [hertz for hertz in (50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4) if low <= hertz <= high]
