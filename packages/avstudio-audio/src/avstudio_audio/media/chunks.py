"""Sound in blocks of one size, so that several streams can be combined block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE = 1 << 15
"""In samples."""


def chunks(blocks: Iterable[NDArray[np.float32]], channels: int, offset: int = 0) -> Iterator[NDArray[np.float32]]:
    """Blocks of `(channels, any)` as blocks of `SIZE` samples, the last one shorter.

    They are delayed by `offset` samples of silence; a negative one leaves out as many at the start.
    """
    import numpy as np

    held, size = [*_silence(channels, offset)], max(0, offset)
    skipped = max(0, -offset)
    for block in blocks:
        part = block[:, skipped:]
        skipped -= min(skipped, block.shape[1])
        held.append(part)
        size += part.shape[1]
        if size >= SIZE:
            whole = np.concatenate(held, axis=1)
            for begin in range(0, size - SIZE + 1, SIZE):
                yield whole[:, begin : begin + SIZE]
            held, size = [whole[:, size - size % SIZE :]], size % SIZE
    if size:
        whole = np.concatenate(held, axis=1)
        for begin in range(0, size, SIZE):
            yield whole[:, begin : begin + SIZE]


def _silence(channels: int, length: int) -> Iterator[NDArray[np.float32]]:
    import numpy as np

    if length > 0:
        yield np.broadcast_to(np.float32(0), (channels, length))
