"""Fewer channels out of many, or two out of one.

After ITU-R BS.775-4, annex 4: centre and surrounds at −3 dB, a back centre at −6 dB, low frequency effects
left out, and what stands beside the centre counted as its side; then scaled so that full-scale channels cannot
add up to more than full scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
"""Who plays which channel where a file does not say: the order of WAV and FLAC (RFC 9639, section 9.1.3)."""

_MINUS_3_DB = 0.5**0.5


def mix_matrix(speakers: Sequence[str], channels: int) -> NDArray[np.float32]:
    """Gains of shape `(channels, len(speakers))`, for 1 or 2 channels; speakers as FFmpeg names them (`FL`, `LFE`)."""
    import numpy as np

    gains = np.ones((2, 1)) if len(speakers) == 1 else np.array([_gains(name) for name in speakers]).T
    loudest = gains.sum(axis=1).max()
    stereo = gains / loudest if loudest else np.full_like(gains, 1 / len(speakers))
    mixed = stereo if channels == 2 else stereo.mean(axis=0, keepdims=True)
    return mixed.astype(np.float32)


def mix(data: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """`(any, samples)` made `(channels, samples)`, for 1 or 2 channels; as it is where it has as many already."""
    count = data.shape[0]
    if count == channels:
        return data
    return mix_matrix(SPEAKERS.get(count, ("?",) * count), channels) @ data


def _gains(speaker: str) -> tuple[float, float]:
    """How much of a speaker goes to the left and to the right."""
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
