"""Mixes many channels to one or two, or one channel to two.

Follows ITU-R BS.775-4, annex 4: centre and surrounds at −3 dB, a back centre at −6 dB, low frequency effects left
out, and other speakers mixed into the channel of their side; then scaled so that the sum of full-scale channels stays
within full scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.progress import Warn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPEAKERS = {
    1: ("FC",),
    2: ("FL", "FR"),
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}
"""The assumed speakers of a file that names none: the order of WAV and FLAC (RFC 9639, section 9.1.3)."""

CANCELS = 0.03
"""If a mono mix has less than this part of its loudest channel's energy (−15 dB), the channels cancel each other."""
_MINUS_3_DB = 0.5**0.5


def mix_matrix(speakers: Sequence[str], channels: int) -> NDArray[np.float32]:
    """Gains of shape `(channels, len(speakers))` for 1 or 2 channels; speakers have FFmpeg's names (`FL`, `LFE`)."""
    import numpy as np

    gains = np.ones((2, 1)) if len(speakers) == 1 else np.array([_gains(name) for name in speakers]).T
    loudest = gains.sum(axis=1).max()
    stereo = gains / loudest if loudest else np.full_like(gains, 1 / len(speakers))
    mixed = stereo if channels == 2 else stereo.mean(axis=0, keepdims=True)
    return mixed.astype(np.float32)


class Mixdown:
    """Mixes sound block by block; where a mono mix would cancel out, it uses the loudest channel instead.

    A microphone with reversed wiring makes one channel the negative of the other.
    """

    def __init__(self, speakers: Sequence[str], channels: int, rate: int) -> None:
        """For `channels` 1 or 2, at `rate` Hz."""
        import numpy as np

        self._matrix, self._rate = mix_matrix(speakers, channels), rate
        self._gains = self._matrix[0].astype(np.float64) ** 2 if channels == 1 and len(speakers) > 1 else None
        self._energies = np.zeros(len(speakers))
        self._loudest = self._cancelled = self._mixed = 0

    def mix(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mix the next block, `(speakers, n)`, to `(channels, n)`."""
        import numpy as np

        mixed: NDArray[np.float32] = self._matrix @ block
        if self._gains is None or not block.shape[1]:
            return mixed
        self._mixed += block.shape[1]
        energies = self._gains * [float(np.vdot(channel, channel)) for channel in block]
        self._energies += energies
        if np.vdot(mixed, mixed) >= CANCELS * energies.max():
            return mixed
        self._cancelled += block.shape[1]
        if self._energies.max() > 2 * self._energies[self._loudest]:  # do not switch between equally loud channels
            self._loudest = int(self._energies.argmax())
        return block[self._loudest : self._loudest + 1]

    def report(self, path: Path, warn: Warn) -> None:
        """After the last block, warn if channels cancelled each other out (`phase_cancelled`)."""
        seconds, whole = self._cancelled / self._rate, self._mixed / self._rate
        if seconds and seconds >= min(1.0, whole / 20):
            warn(
                "phase_cancelled",
                f"The channels of '{path}' cancel each other out for {seconds:.1f} of {whole:.1f} s, "
                "where the loudest of them is used instead of their mean.",
            )


def mix(data: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Sound of `(any, samples)` as `(channels, samples)`, for 1 or 2 channels; unchanged if it has that many."""
    count = data.shape[0]
    if count == channels:
        return data
    return mix_matrix(SPEAKERS.get(count, ("?",) * count), channels) @ data


def _gains(speaker: str) -> tuple[float, float]:
    """The gains of a speaker for left and right."""
    if speaker.startswith("LFE"):
        return 0.0, 0.0
    if speaker == "FC":
        return _MINUS_3_DB, _MINUS_3_DB
    if speaker in ("FL", "FLC"):
        return 1.0, 0.0
    if speaker in ("FR", "FRC"):
        return 0.0, 1.0
    sides = {"L": (_MINUS_3_DB, 0.0), "R": (0.0, _MINUS_3_DB)}
    return sides.get(speaker[-1], (0.5, 0.5))
