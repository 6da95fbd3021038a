"""Windows of sound for functions that need all of it at once; their results are joined without a seam."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Block = NDArray[np.float32]

HOP = 4.0
"""Seconds of a window, without its context. Rubber Band's time drifts by some milliseconds a second."""
CONTEXT = 0.25
"""Seconds of sound before and after it that the function also gets, so that it is not at an edge."""
FADE = 0.04
"""Seconds of a cross-fade."""
SEARCH = 0.02
"""Seconds by which a result may be moved, so that it fits the one before it: a period of the lowest tones."""

UNMOVED = 0.1
"""How much more alike, of 1, a result must be to be moved by all of that."""
INAUDIBLE = 1e-9
"""The power of sound that need not fit: -90 dBFS."""


class Windows:
    """Feeds a function window by window.

    A result is cross-faded to the next one where both are most alike. Each has its own place, so that errors of lengths
    do not add up. The power of the fade is constant, whether they are alike or not.
    """

    def __init__(self, work: Callable[[Block], Block], rate: int, tempo: float = 1.0) -> None:
        """`work` returns `1 / tempo` as many samples as it gets."""
        self._work, self._tempo = work, tempo
        self._hop, self._context = round(HOP * rate), round(CONTEXT * rate)
        self._fade, self._search = max(1, round(FADE * rate)), max(1, round(SEARCH * rate))
        self._after = round((self._fade + self._search) * tempo) + self._context
        self._held: list[Block] = []
        self._length = 0
        """Samples that are held."""
        self._lead = 0
        """Samples of them that are only context."""
        self._begin = 0
        """The place of the next window in the sound."""
        self._last: Block | None = None
        """What the result before has after its end."""

    def __call__(self, block: Block, rate: int, *, reset: bool) -> Block:
        """What is ready after the next block, as pedalboard's plugins return it."""
        return self.feed(block)

    def feed(self, block: Block) -> Block:
        """What is ready after the next block."""
        import numpy as np

        self._held.append(block)
        self._length += block.shape[1]
        found = [block[:, :0]]
        while self._length >= self._lead + self._hop + self._after:
            found.append(self._next(self._hop))
        return np.concatenate(found, axis=1)

    def rest(self) -> Block:
        """What is left after the last block; there must have been one."""
        import numpy as np

        found = [self._held[0][:, :0]]
        self._held.append(np.zeros((self._held[0].shape[0], self._after), np.float32))
        while self._length > self._lead:
            found.append(self._next(min(self._hop, self._length - self._lead)))
        return np.concatenate(found, axis=1)

    def _next(self, hop: int) -> Block:
        """The result of the next window."""
        import numpy as np

        sound = np.concatenate(self._held, axis=1)
        made = self._work(np.ascontiguousarray(sound[:, : self._lead + hop + self._after]))
        end = self._begin + hop
        length = round(end / self._tempo) - round(self._begin / self._tempo)
        at = round(self._lead / self._tempo)
        made = np.pad(made, ((0, 0), (0, max(0, at + length + self._fade + self._search - made.shape[1]))))
        if self._last is not None:
            at += self._fitted(made[:, at - self._search : at + self._search + self._fade])
            made[:, at : at + self._fade] = _faded(self._last, made[:, at : at + self._fade])
        self._last = made[:, at + length : at + length + self._fade]
        lead = min(self._context, self._lead + hop)
        self._held = [sound[:, self._lead + hop - lead :]]
        self._length -= self._lead + hop - lead
        self._begin, self._lead = end, lead
        return made[:, at : at + length]

    def _fitted(self, near: Block) -> int:
        """How many samples later than expected a result fits the one before it best."""
        import numpy as np

        assert self._last is not None
        last, mixed = self._last.mean(axis=0), near.mean(axis=0)
        energies = np.convolve(np.square(mixed, dtype=np.float64), np.ones(len(last)), "valid")
        energies = np.maximum(energies, INAUDIBLE * len(last)) * max(np.vdot(last, last), INAUDIBLE * len(last))
        alike = np.correlate(mixed, last, "valid") / np.sqrt(energies)
        moved = np.arange(len(alike)) - self._search
        return int(moved[np.argmax(alike - UNMOVED * np.abs(moved) / self._search)])


def windowed(blocks: Iterable[Block], windows: Windows) -> Generator[Block, None, None]:
    """The results for some blocks."""
    block = None
    for block in blocks:
        yield windows.feed(block)
    if block is not None:
        yield windows.rest()


def _faded(before: Block, after: Block) -> Block:
    """A cross-fade of constant power."""
    import numpy as np

    part = (np.arange(before.shape[1], dtype=np.float32) + 0.5) / before.shape[1]
    power = float(np.sqrt(np.vdot(before, before) * np.vdot(after, after)))
    alike = min(1.0, max(0.0, float(np.vdot(before, after)) / power)) if power else 1.0
    level = np.sqrt((1 - part) ** 2 + part**2 + 2 * alike * part * (1 - part))
    faded: Block = (((1 - part) * before + part * after) / level).astype(np.float32)
    return faded
