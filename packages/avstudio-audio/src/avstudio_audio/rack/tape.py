"""A tape: sound on the disk as raw samples, until it is known how loud it should be."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.chunks import SIZE
from avstudio_core.errors import StorageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Tape:
    """Samples that are recorded once, and played as often as needed."""

    def __init__(self, path: Path, channels: int) -> None:
        self._path, self._channels = path, channels

    def record(self, blocks: Iterable[NDArray[np.float32]]) -> None:
        """Record blocks of `(channels, any)`. Raises `StorageError`."""
        with self._path.open("wb") as file:
            for block in blocks:
                try:
                    file.write(block.T.tobytes())
                except OSError as error:
                    raise StorageError.of(error, self._path) from error

    def played(self) -> Generator[NDArray[np.float32], None, None]:
        """The sound in blocks."""
        import numpy as np

        with self._path.open("rb") as file:
            while data := file.read(4 * self._channels * SIZE):
                yield np.ascontiguousarray(np.frombuffer(data, np.float32).reshape(-1, self._channels).T)
