"""Limits of one media file, so that a small file with a false header cannot use all memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from avstudio_core.errors import NotEnoughMemory, UnreadableMedia

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_core import Settings

RATES = (100, 1_000_000)
"""In Hz. A header with another rate is wrong, and resampling from it would make a small file huge."""
MB = 1_000_000
BYTES = 4
"""The bytes of a float32 sample."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings `media_seconds`, `media_mb` and `media_streams`; 0 sets no limit."""

    seconds: float = 21_600.0
    mb: int = 2_000
    """The most MB of decoded sound in memory."""
    streams: int = 100

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.media_seconds, settings.media_mb, settings.media_streams)

    def check(self, path: Path, seconds: float, size: float) -> None:
        """Check the length and the decoded size of sound. Raises `UnreadableMedia`, `NotEnoughMemory`."""
        if seconds > (self.seconds or math.inf):
            raise UnreadableMedia(
                f"'{path}' has more than {self.seconds:g} s of sound.",
                hint="Cut it into parts, or allow more with the setting 'media_seconds'.",
            )
        if size > (self.mb or math.inf) * MB:
            raise NotEnoughMemory(
                f"The sound of '{path}' takes more than {self.mb} MB of memory.",
                hint="Cut it into parts, or allow more with the setting 'media_mb'.",
            )

    def within(self, path: Path, pieces: Iterable[NDArray[np.float32]], rate: int) -> Iterator[NDArray[np.float32]]:
        """The same pieces, `(channels, any)` at `rate` Hz. Raises the errors of `check` when they exceed the limits."""
        done = 0
        for piece in pieces:
            done += piece.shape[1]
            self.check(path, done / rate, done * piece.shape[0] * BYTES)
            yield piece


USUAL = Limits()
"""The limits of the default settings."""


def check_rate(path: Path, rate: int) -> None:
    """Check a sample rate in Hz. Raises `UnreadableMedia`."""
    if not RATES[0] <= rate <= RATES[1]:
        message = f"The header of '{path}' states a sample rate of {rate} Hz, which is not a possible rate."
        raise UnreadableMedia(message, hint="Correct the header, or export the file again.")
