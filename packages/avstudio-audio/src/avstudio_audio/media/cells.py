"""Sound in cells of a fixed number of samples, such as the pixels of a waveform."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Cells:
    """Divides blocks of `(channels, any)` into cells, and holds back what is not enough for one."""

    def __init__(self, channels: int, size: int) -> None:
        """`size` in samples."""
        import numpy as np

        self._size = size
        self._held = np.empty((channels, 0), np.float32)

    def feed(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The cells that are complete now: `(channels, cells, size)`."""
        import numpy as np

        whole = np.concatenate([self._held, block], axis=1) if self._held.shape[1] else block
        count = whole.shape[1] // self._size
        self._held = whole[:, count * self._size :].copy()
        return whole[:, : count * self._size].reshape(len(whole), count, self._size)

    def rest(self) -> NDArray[np.float32]:
        """After the last block, the last cell, `(channels, 1, fewer)`; none, if nothing is left."""
        cell, self._held = self._held[:, None, :], self._held[:, :0]
        return cell if cell.shape[2] else cell[:, :0]
