"""Mixes many channels to one or two, or one channel to two (ITU-R BS.775-4, annex 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CANCELS = 0.03
"""If a mono mix has less than this part of its loudest channel's energy (−15 dB), the channels cancel each other."""
_MINUS_3_DB = 0.5**0.5


def mix_matrix(speakers: Sequence[str], channels: int) -> NDArray[np.float32]:
    """Gains `(channels, len(speakers))` for 1 or 2 channels; speakers have FFmpeg's names (`FL`, `LFE`).

    They are scaled so that the sum of full-scale channels stays within full scale.
    """
    import numpy as np

    gains = np.ones((2, 1)) if len(speakers) == 1 else np.array([_gains(name) for name in speakers]).T
    loudest = gains.sum(axis=1).max()
    stereo = gains / loudest if loudest else np.full_like(gains, 1 / len(speakers))
    return (stereo if channels == 2 else stereo.mean(axis=0, keepdims=True)).astype(np.float32)


class Mixdown:
    """Mixes block by block; where a mono mix would cancel out, it takes the loudest channel instead."""

    def __init__(self, speakers: Sequence[str], channels: int) -> None:
        self._matrix, self._mono = mix_matrix(speakers, channels), channels == 1 and len(speakers) > 1
        self.cancelled = self.mixed = 0
        """Samples, of which the first were not mixed."""

    def mix(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mix the next block, `(speakers, n)`."""
        import numpy as np

        mixed: NDArray[np.float32] = self._matrix @ block
        self.mixed += block.shape[1]
        gains = self._matrix[0].astype(np.float64) ** 2
        energies = gains * [float(np.vdot(one, one)) for one in block]
        if not self._mono or float(np.vdot(mixed, mixed)) >= CANCELS * energies.max():
            return mixed
        self.cancelled += block.shape[1]
        loudest = int(np.argmax(energies))
        return block[loudest : loudest + 1]


def _gains(speaker: str) -> tuple[float, float]:
    """The gains of a speaker for left and right; low frequency effects are left out."""
    exact = {"FC": (_MINUS_3_DB, _MINUS_3_DB), "FL": (1.0, 0.0), "FLC": (1.0, 0.0), "FR": (0.0, 1.0), "FRC": (0.0, 1.0)}
    if speaker.startswith("LFE"):
        return 0.0, 0.0
    sides = {"L": (_MINUS_3_DB, 0.0), "R": (0.0, _MINUS_3_DB)}
    return exact.get(speaker) or sides.get(speaker[-1:], (0.5, 0.5))
