"""Measures sound that arrives in blocks."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from avstudio_audio.loudness.channel_weights import channel_weights
from avstudio_audio.loudness.gates import MOMENTARY, SHORT_TERM, Highest, gated, loudness_range, lufs, windows
from avstudio_audio.loudness.k_filter import STEP, KFilter
from avstudio_audio.loudness.true_peak import TruePeak
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FINE_STEPS = 100
"""Steps in a second from which the highest window is found: in its case 13, EBU Tech 3341 requires more than 10."""
FINE = 10
"""Fine steps in a step of 0.1 s, by which the windows of the curves and the gates move."""
CHUNK = 1 << 16
"""The fewest samples that are measured at once."""

LARGEST = 1e30
"""The highest energy of a chunk; single precision cannot hold much more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured; a level is `None` if the sound has none: silence, or sound that is too short."""

    integrated: float | None
    """In LUFS."""
    range: float | None
    """Loudness range, in LU."""
    max_momentary: float | None
    """In LUFS, over 0.4 s."""
    max_short_term: float | None
    """In LUFS, over 3 s."""
    threshold: float | None
    """The relative gate, in LUFS."""
    true_peak: float | None
    """In dBTP."""
    sample_peak: float | None
    """In dBFS."""
    rms: float | None
    """In dBFS, over all channels."""


class Meter:
    """Measures a sound in one pass; its memory grows by 80 bytes per second of sound."""

    def __init__(
        self, rate: int, channels: int, speakers: Sequence[str] = (), *, dual_mono: bool = False, true_peak: bool = True
    ) -> None:
        """`speakers` are FFmpeg's names; without them, all channels count alike.

        `dual_mono`: one channel counts as two, because it will be heard from two speakers.
        """
        import numpy as np

        self.rate, self.channels = rate, channels
        weights = channel_weights(speakers) if len(speakers) == channels else (1.0,) * channels
        self._counted = [index for index, weight in enumerate(weights) if weight]
        self._weights = np.array([weights[index] for index in self._counted]) * (
            2 if dual_mono and channels == 1 else 1
        )
        self._fine = max(round(rate / FINE_STEPS), 1)
        least = math.lcm(self._fine * FINE, STEP)
        self._waiting = np.zeros((channels, least * -(-CHUNK // least)), np.float32)
        self._filled = self._samples = 0
        self._weighting = KFilter(rate, len(self._counted))
        self._true_peak = TruePeak(rate, channels) if true_peak else None
        self._momentary, self._short_term = Highest(MOMENTARY * FINE), Highest(SHORT_TERM * FINE)
        self._energies = array("d")
        self._peak = self._square = 0.0

    @property
    def step(self) -> float:
        """The seconds between the values of the curves."""
        return self._fine * FINE / self.rate

    def add(self, data: NDArray[np.float32]) -> None:
        """Add the next `(channels, any)`. Raises `InvalidInput` for values that are not numbers."""
        done = 0
        while done < data.shape[1]:
            taken = min(self._waiting.shape[1] - self._filled, data.shape[1] - done)
            self._waiting[:, self._filled : self._filled + taken] = data[:, done : done + taken]
            done, self._filled = done + taken, self._filled + taken
            if self._filled == self._waiting.shape[1]:
                self._measure(self._filled)

    def finish(self) -> Reading:
        """The measurements, after the last block."""
        self._waiting[:, self._filled :] = 0
        self._measure(self._filled)
        if self._true_peak:
            self._true_peak.finish()
        return joined([self])

    @property
    def duration(self) -> float:
        """In seconds."""
        return self._samples / self.rate

    def momentary(self) -> NDArray[np.float64]:
        """The energies over 0.4 s, every `step`: `gates.lufs` gives their loudness."""
        return windows(self._steps, MOMENTARY)

    def short_term(self) -> NDArray[np.float64]:
        """The energies over 3 s, every `step`."""
        return windows(self._steps, SHORT_TERM)

    @property
    def _steps(self) -> NDArray[np.float64]:
        import numpy as np

        return np.array(self._energies)

    def _measure(self, length: int) -> None:
        """Measure the first `length` of the waiting samples; after them is silence."""
        import numpy as np

        block = self._waiting
        self._filled = 0
        square = float(sum(np.vdot(channel, channel) for channel in block))
        if not square < LARGEST:
            when = f"{self._samples / self.rate:.1f} s"
            raise InvalidInput(f"After {when}, the sound has values that are not numbers, or that are too large.")
        counted = block if len(self._counted) == self.channels else block[self._counted]
        filtered = self._weighting.filtered(counted).reshape(len(self._counted), -1, self._fine)
        energies = self._weights @ np.einsum("cij,cij->ci", filtered, filtered).astype(np.float64) / self._fine
        self._keep(energies[: length // self._fine])
        self._peak = max(self._peak, float(block.max()), -float(block.min()))
        self._square, self._samples = self._square + square, self._samples + length
        if self._true_peak:
            self._true_peak.add(block)

    def _keep(self, energies: NDArray[np.float64]) -> None:
        """Add the energies of fine steps, as far as the sound goes."""
        self._momentary.add(energies)
        self._short_term.add(energies)
        steps = len(energies) // FINE
        self._energies.extend(energies[: steps * FINE].reshape(steps, FINE).mean(axis=1))


def joined(meters: Sequence[Meter]) -> Reading:
    """The measurements of several sounds as if they were one, after their ends: of an album."""
    import numpy as np

    counted, threshold = gated(np.concatenate([meter.momentary() for meter in meters]))
    values = sum(meter._samples * meter.channels for meter in meters)
    peaks = [meter._true_peak.value for meter in meters if meter._true_peak]
    return Reading(
        integrated=lufs(float(counted.mean())) if len(counted) else None,
        range=loudness_range(np.concatenate([meter.short_term() for meter in meters])),
        max_momentary=lufs(max(meter._momentary.value for meter in meters)),
        max_short_term=lufs(max(meter._short_term.value for meter in meters)),
        threshold=threshold,
        true_peak=_db(max(peaks), 20) if peaks else None,
        sample_peak=_db(max(meter._peak for meter in meters), 20),
        rms=_db(sum(meter._square for meter in meters) / max(values, 1), 10),
    )


def _db(value: float, factor: int) -> float | None:
    return factor * math.log10(value) if value > 0 else None
