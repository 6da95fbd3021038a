"""Which gain reaches a target without exceeding a ceiling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from avstudio_audio.loudness.meter import Reading
    from avstudio_audio.loudness.targets import Target

TOLERANCE = 0.2
"""In dB or LU: within it, a target is reached (EBU R 128, for sound that is not live)."""
SLACK = 0.05
"""In dB: what rounding may add to a true peak."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A gain in dB, and the ceiling of a limiter in dBTP (`None` without one)."""

    db: float
    limit: float | None = None

    @classmethod
    def reaching(cls, target: Target, level: float, peak: float, *, limits: bool) -> Self:
        """`level` and the true peak `peak` are those of the sound; `limits` is whether a limiter may work.

        Without a limiter, the gain is lower if the true peak would exceed the ceiling.
        """
        wanted = target.level - level
        if target.ceiling is None or wanted <= target.ceiling - peak:
            return cls(wanted)
        return cls(wanted, target.ceiling) if limits else cls(target.ceiling - peak)

    def corrected(self, target: Target, after: Reading) -> Self | None:
        """A better gain, if the sound that was made misses the target; `None` if it does not.

        A limiter lowers the loudness, and a lossy codec moves the peaks.
        """
        level, peak = target.level_in(after), after.true_peak
        if level is None or peak is None:
            return None
        excess = 0.0 if target.ceiling is None else peak - target.ceiling
        if excess > SLACK:
            if self.limit is None:
                return replace(self, db=self.db - excess)
            return replace(self, limit=self.limit - excess)
        missing = target.level - level
        if self.limit is not None and missing > TOLERANCE / 2:
            return replace(self, db=self.db + missing)
        return None


def reached(target: Target, reading: Reading) -> bool:
    """Whether the measured sound has the target's level, and no value above its ceiling."""
    level, peak = target.level_in(reading), reading.true_peak
    if level is None or peak is None:
        return False
    return abs(level - target.level) <= TOLERANCE and not exceeds(target, reading)


def exceeds(target: Target, reading: Reading) -> bool:
    """Whether a true peak is above the target's ceiling."""
    return target.ceiling is not None and reading.true_peak is not None and reading.true_peak > target.ceiling + SLACK
