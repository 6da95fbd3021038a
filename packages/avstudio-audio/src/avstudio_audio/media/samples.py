"""Decoded sound."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from avstudio_audio.media.downmix import mix
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Samples:
    """Sound as numbers: full scale is −1 to 1, and values beyond it are kept.

    Raises `InvalidInput` for invalid arrays, rates or start times.
    """

    data: NDArray[np.float32]
    """`(channels, samples)`; each channel is contiguous."""
    rate: int
    """Samples per second."""
    start: float = 0.0
    """The time of the first sample in its file, in seconds."""

    def __post_init__(self) -> None:
        shape: tuple[int, ...] = getattr(self.data, "shape", ())
        kind = getattr(self.data, "dtype", type(self.data).__name__)
        if len(shape) != 2 or shape[0] < 1 or str(kind) != "float32":
            raise InvalidInput(f"Samples must be float32 of (channels, samples), not {kind} of {shape}.")
        if self.rate < 1:
            raise InvalidInput(f"A sample rate must be 1 Hz or more, not '{self.rate}'.")
        if not math.isfinite(self.start):
            raise InvalidInput(f"Samples must start at a finite time, not at '{self.start}'.")

    def __repr__(self) -> str:
        return f"Samples({self.channels} x {self.length} at {self.rate} Hz, {self.duration:.3f} s)"

    @property
    def channels(self) -> int:
        return int(self.data.shape[0])

    @property
    def length(self) -> int:
        """In samples per channel."""
        return int(self.data.shape[1])

    @property
    def duration(self) -> float:
        """In seconds."""
        return self.length / self.rate

    def mono(self) -> Samples:
        """One channel: the mean of two, a mix of more."""
        return replace(self, data=mix(self.data, 1))

    def from_zero(self) -> Samples:
        """The same sound from time 0: silence fills the time before its start."""
        import numpy as np

        lead = round(self.start * self.rate)
        return replace(self, data=np.pad(self.data, ((0, 0), (lead, 0))), start=0.0) if lead > 0 else self

    def stereo(self) -> Samples:
        """Two channels: one doubled, more mixed down."""
        return replace(self, data=mix(self.data, 2))


def first_not_finite(data: NDArray[np.float32]) -> int | None:
    """The index of the first NaN or infinity in `(channels, samples)`, or `None`."""
    import numpy as np

    finite = np.isfinite(data)
    return None if finite.all() else int(finite.all(axis=0).argmin())
