"""A parameter over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.rack.effect import Automation

STEP = 128
"""Samples for which a parameter that moves stays the same: some milliseconds, as in the automation of studios."""
FADE = 0.005
"""Seconds in which an effect begins and stops, so that it does not click."""


class Curve:
    """The values of a parameter at each sample."""

    def __init__(self, automation: Automation, rate: int) -> None:
        import numpy as np

        self._samples = np.array([time * rate for time, _ in automation.points])
        self._values = np.array([value for _, value in automation.points])
        self._kind = automation.curve

    def at(self, samples: Any) -> Any:
        """The values at some samples."""
        import numpy as np

        if self._kind == "step":
            return self._values[np.maximum(np.searchsorted(self._samples, samples, side="right") - 1, 0)]
        if self._kind == "exponential":
            return np.exp(np.interp(samples, self._samples, np.log(self._values)))
        return np.interp(samples, self._samples, self._values)

    def moves(self, begin: int, end: int) -> bool:
        """Whether the value changes within some samples."""
        return bool(begin < self._samples[-1] and end > self._samples[0] and len(self._samples) > 1)


class Window:
    """How much of the sound goes through an effect that works from a start to an end, in seconds."""

    def __init__(self, start: float, end: float | None, rate: int) -> None:
        self._start = round(start * rate)
        self._end = None if end is None else round(end * rate)
        length = max(1, round(FADE * rate))
        self._fade = length if self._end is None else max(1, min(length, (self._end - self._start) // 2))

    def open(self, begin: int, length: int) -> NDArray[np.float32]:
        """Factors for some samples: 0 outside, 1 inside, and short fades inside at both ends."""
        import numpy as np

        samples = np.arange(begin, begin + length)
        rises = np.clip((samples - self._start) / self._fade, 0, 1) if self._start else np.ones(length)
        if self._end is not None:
            rises = np.minimum(rises, np.clip((self._end - samples) / self._fade, 0, 1))
        factors: NDArray[np.float32] = rises.astype(np.float32)
        return factors
