"""The waveform of a mono mix, in the JSON format of BBC's audiowaveform, which web players read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIXELS = 50
"""Pairs of the lowest and the highest value in a second."""


class Waveform:
    """Collects the lowest and the highest value of each pixel."""

    def __init__(self, rate: int) -> None:
        self._rate, self._size = rate, max(1, round(rate / PIXELS))
        self._rest: list[NDArray[np.float32]] = []
        self._pairs: list[int] = []

    def feed(self, block: NDArray[np.float32]) -> None:
        """The next samples, `(channels, n)`; those that are not numbers count as 0."""
        import numpy as np

        mixed = np.concatenate([*self._rest, np.nan_to_num(block.mean(axis=0, dtype=np.float32))])
        whole = len(mixed) // self._size * self._size
        self._add(mixed[:whole].reshape(-1, self._size))
        self._rest = [mixed[whole:]]

    def _add(self, pixels: NDArray[np.float32]) -> None:
        import numpy as np

        if pixels.size:
            pairs = np.stack([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
            self._pairs += np.clip(np.rint(pairs.clip(-1, 1) * 128), -128, 127).astype(int).reshape(-1).tolist()

    def json(self) -> str:
        """All pixels, in 8 bits; the last one can have fewer samples."""
        for rest in self._rest:
            self._add(rest[None])
        facts = {"version": 2, "channels": 1, "sample_rate": self._rate, "samples_per_pixel": self._size, "bits": 8}
        return json.dumps(facts | {"length": len(self._pairs) // 2, "data": self._pairs}, separators=(",", ":"))
