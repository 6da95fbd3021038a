"""Recordings that are separated, in memory or on the disk, so that memory need not grow with their length."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_core.errors import InvalidInput, StorageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 1 << 20
"""Samples that are read at once to measure a mix."""
FRAME = 8
"""Bytes of one sample of both channels on the disk."""


class Mix(ABC):
    """A recording in stereo whose parts can be read in any order."""

    length: int
    """In samples."""

    @abstractmethod
    def inside(self, start: int, stop: int) -> NDArray[np.float32]:
        """The part `(2, stop - start)`, which lies inside the recording. It is not changed by the caller."""

    def part(self, start: int, stop: int) -> NDArray[np.float32]:
        """A copy of the part `(2, stop - start)`, with silence before and after the recording."""
        import numpy as np

        part = np.zeros((2, stop - start), np.float32)
        begin, end = max(start, 0), min(stop, self.length)
        if begin < end:
            part[:, begin - start : end - start] = self.inside(begin, end)
        return part

    def mean_and_deviation(self) -> tuple[float, float]:
        """Of the mean of both channels, over the whole recording; the deviation of one sample is 0."""
        import numpy as np

        total = squares = 0.0
        for start in range(0, self.length, BLOCK):
            mono = self.inside(start, min(start + BLOCK, self.length)).mean(axis=0).astype(np.float64)
            total, squares = total + float(mono.sum()), squares + float(mono @ mono)
        mean = total / self.length
        return mean, (max(squares - total * mean, 0.0) / max(self.length - 1, 1)) ** 0.5


class MixInMemory(Mix):
    """An array of samples."""

    def __init__(self, data: NDArray[np.float32]) -> None:
        """A mono mix `(1, samples)` is doubled. Raises `InvalidInput` for any other or an empty shape."""
        import numpy as np

        if data.ndim != 2 or data.shape[0] not in (1, 2) or data.shape[1] == 0:
            raise InvalidInput(f"Separation needs 1 or 2 channels with samples, not the shape {data.shape}.")
        self._data, self.length = np.broadcast_to(data, (2, data.shape[1])), int(data.shape[1])

    def inside(self, start: int, stop: int) -> NDArray[np.float32]:
        return self._data[:, start:stop]


class MixOnDisk(Mix):
    """Samples in a file without a header: left and right in turns, as float32."""

    def __init__(self, path: Path) -> None:
        self._path, self.length = path, path.stat().st_size // FRAME

    @classmethod
    def write(cls, path: Path, blocks: Iterable[NDArray[np.float32]]) -> MixOnDisk:
        """Write all blocks `(2, any)` to a file. Raises `DiskFull` and `StorageError`."""
        import numpy as np

        try:
            with path.open("wb") as file:
                for block in blocks:
                    file.write(np.ascontiguousarray(block.T, np.float32).tobytes())
        except OSError as error:
            raise StorageError.of(error, path) from error
        return cls(path)

    def inside(self, start: int, stop: int) -> NDArray[np.float32]:
        import numpy as np

        frames = np.fromfile(self._path, np.float32, 2 * (stop - start), offset=start * FRAME)
        return np.ascontiguousarray(frames.reshape(-1, 2).T)
