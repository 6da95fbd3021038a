"""The waveform of a recording for display: the lowest and the highest value in each pixel.

In the two formats of BBC's audiowaveform, version 2, which web players read.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

from avstudio_audio.media.cells import Cells

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 2
FULL = 1 << 15
"""The full scale of the values, as in 16-bit samples."""
HEADER = "<iIiiIi"
EIGHT_BITS = 1
"""A flag of the header."""


class Waveform:
    """Minimum, maximum and root mean square in each pixel, from blocks of sound in order."""

    def __init__(self, channels: int, rate: int, samples_per_pixel: int, bits: int) -> None:
        """`rate` is in Hz; `bits` is 8 or 16."""
        self._shape, self._size, self._bits = (channels, rate), samples_per_pixel, bits
        self._cells = Cells(channels, samples_per_pixel)
        self._pairs: list[NDArray[np.int16]] = []
        self._means: list[NDArray[np.float64]] = []

    def feed(self, block: NDArray[np.float32]) -> None:
        """Add the next block, `(channels, any)`."""
        self._add(self._cells.feed(block))

    def finish(self) -> None:
        """After the last block, add the last pixel, which can have fewer samples."""
        self._add(self._cells.rest())

    def _add(self, pixels: NDArray[np.float32]) -> None:
        import numpy as np

        if pixels.shape[1]:
            pairs = np.stack([pixels.min(axis=2), pixels.max(axis=2)], axis=2)
            self._pairs.append(np.clip(np.rint(pairs * FULL), -FULL, FULL - 1).astype(np.int16).swapaxes(0, 1))
            energy = np.einsum("cps,cps->pc", pixels, pixels, dtype=np.float64)
            self._means.append(np.sqrt(energy / pixels.shape[2]))

    @property
    def length(self) -> int:
        """In pixels."""
        return sum(len(pairs) for pairs in self._pairs)

    def values(self) -> NDArray[np.int16]:
        """The pairs of all pixels, `(pixels, channels, 2)`, in the range of the bits."""
        import numpy as np

        pairs = np.concatenate([np.empty((0, self._shape[0], 2), np.int16), *self._pairs])
        return pairs if self._bits == 16 else np.trunc(pairs / 256).astype(np.int16)

    def dat(self) -> bytes:
        """The binary format: a header of 24 bytes, and the pairs."""
        channels, rate = self._shape
        flags = EIGHT_BITS if self._bits == 8 else 0
        header = struct.pack(HEADER, VERSION, flags, rate, self._size, self.length, channels)
        return header + self.values().astype("<i1" if self._bits == 8 else "<i2").tobytes()

    def json(self, *, rms: bool) -> str:
        """The JSON format; `rms` adds a list of these values, one for each pixel and channel."""
        import numpy as np

        channels, rate = self._shape
        facts = {
            "version": VERSION,
            "channels": channels,
            "sample_rate": rate,
            "samples_per_pixel": self._size,
            "bits": self._bits,
            "length": self.length,
            "data": self.values().ravel().tolist(),
        }
        if rms:
            means = np.concatenate([np.empty((0, channels)), *self._means]) * (1 << (self._bits - 1))
            facts["rms"] = np.rint(means).astype(int).ravel().tolist()
        return json.dumps(facts, separators=(",", ":"))
