"""A ducker: it lowers sound while another recording is loud, and a little before."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.rack.dynamics import Duck

    Block = NDArray[np.float32]

FRAME = 0.01
"""Seconds in which the level of the sidechain is measured."""


class Levels:
    """The peaks of a recording, in frames of `FRAME`; a minute takes 24 kB."""

    def __init__(self, blocks: Iterable[Block], rate: int) -> None:
        import numpy as np

        size = max(1, round(FRAME * rate))
        self.step = size / rate
        """Seconds of a frame."""
        found, rest = [], np.zeros(0, np.float32)
        for block in blocks:
            loudest = np.concatenate([rest, np.abs(block).max(axis=0)])
            whole = len(loudest) // size
            found.append(loudest[: whole * size].reshape(whole, size).max(axis=1))
            rest = loudest[whole * size :]
        found.append(rest.max(keepdims=True, initial=0.0))
        self.peaks = np.concatenate(found)


class Ducker:
    """Lowers the sound where a sidechain is loud."""

    def __init__(self, effect: Duck, levels: Levels) -> None:
        import numpy as np

        frame = 1000 * levels.step
        after = math.ceil((effect.hold + effect.release) / frame) + 1  # frames in which the sound rises after the end
        loud = np.pad(levels.peaks > 10 ** (effect.threshold / 20), (0, after))
        ahead, behind = _distances(loud)
        falls = 1 - ahead * frame / max(effect.attack, frame)
        rises = 1 - np.maximum(behind * frame - effect.hold, 0) / max(effect.release, frame)
        self._curve = -effect.amount * np.clip(np.maximum(falls, rises), 0, 1)
        self._times = (np.arange(len(self._curve)) + 0.5) * levels.step
        self._played = 0

    def __call__(self, block: Block, rate: int, *, reset: bool) -> Block:
        """The next block, lowered, as pedalboard's plugins return it."""
        import numpy as np

        times = np.arange(self._played, self._played + block.shape[1]) / rate
        self._played += block.shape[1]
        decibels = np.interp(times, self._times, self._curve)
        lowered: Block = block * (10 ** (decibels / 20)).astype(np.float32)
        return lowered


def _distances(loud: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many frames it is from each frame to the next loud one, and since the last loud one."""
    import numpy as np

    places = np.arange(len(loud), dtype=np.float64)
    last = np.maximum.accumulate(np.where(loud, places, -math.inf))
    following = np.minimum.accumulate(np.where(loud, places, math.inf)[::-1])[::-1]
    return following - places, places - last
