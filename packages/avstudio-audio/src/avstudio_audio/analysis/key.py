"""The key of music from its pitch classes.

The profiles are those of Temperley, "What's key for key?", Music Perception 17 (1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MAJOR = (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0)
MINOR = (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0)
LEAST = 0.3
"""The least correlation of a key: noise, drums and speech have less."""
SURE = 0.25
"""The distance to the next key from which a key is certain, in correlation."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and how much better it fits than the next one."""

    tonic: str
    mode: Literal["major", "minor"]
    confidence: float
    """0 to 1."""

    @property
    def name(self) -> str:
        return f"{self.tonic} {self.mode}"


def likely_keys(chroma: NDArray[np.float32]) -> list[Key]:
    """The most likely keys of `(12, frames)`, the best first; none if no key fits."""
    import numpy as np

    mean = chroma.mean(axis=1) if chroma.shape[1] else np.zeros(12)
    if mean.std() <= 1e-6:
        return []
    profiles = {(NAMES[step], mode): np.roll(profile, step) for step in range(12) for mode, profile in _PROFILES}
    fits = {key: float(np.corrcoef(mean, profile)[0, 1]) for key, profile in profiles.items()}
    ranked = sorted(fits, key=lambda key: -fits[key])
    if fits[ranked[0]] < LEAST:
        return []
    margin = min(1.0, (fits[ranked[0]] - fits[ranked[1]]) / SURE)
    best = [Key(*ranked[0], round(max(0.0, fits[ranked[0]]) * (0.5 + 0.5 * margin), 3))]
    others = [Key(*key, round(max(0.0, fits[key]) * (0.5 - 0.5 * margin), 3)) for key in ranked[1:4]]
    return best + others


_PROFILES: tuple[tuple[Literal["major", "minor"], tuple[float, ...]], ...] = (("major", MAJOR), ("minor", MINOR))
