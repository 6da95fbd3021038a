"""The interface of all separation engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from avstudio_audio.separation.mix import Mix, MixInMemory
from avstudio_audio.separation.precision import Precision
from avstudio_core.errors import NotFound, TaskCancelled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Options:
    """How to separate; the engine chooses values that are `None` or empty."""

    stems: tuple[str, ...] = ()
    """The requested stems; empty for all."""
    shifts: int | None = None
    """How many randomly shifted predictions to average; 0 for one without a shift."""
    overlap: float | None = None
    """The fraction of a chunk that the next one overlaps: at least 0, below 1."""
    seed: int = 0
    """The same seed gives the same shifts, and so the same output."""
    segment: float | None = None
    """The length of a chunk in seconds."""
    batch_size: int | None = None
    """How many chunks the network reads at once."""
    precision: Precision = Precision.AUTO
    """The arithmetic of the network."""


class Engine(ABC):
    """A loaded separation network. It serves one separation at a time."""

    rate: int
    """Its sample rate in Hz."""
    stems: tuple[str, ...]
    """All its stems, in its order."""

    @abstractmethod
    def settle(self, options: Options) -> Options:
        """The options that a run will really use: defaults are filled in, and unused options are 0.

        Raises `NotFound` for a stem that it does not have, `InvalidParams` for a segment that is too long,
        and `Unavailable` for a precision that its device does not have.
        """

    @abstractmethod
    def pieces(
        self,
        mix: Mix,
        options: Options,
        *,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> Iterator[dict[str, NDArray[np.float32]]]:
        """The requested stems, piece by piece in the order of time, at their gain in the mix.

        Each is `(2, samples)`; all pieces together are as long as the mix, and none is kept, so an hour takes no more
        memory than a minute. `mix` is at `rate`. `progress` is called with the finished part, 0 to 1. Raises
        `TaskCancelled` soon after `cancelled` becomes true; the engine can then be used again.
        """

    def separate(
        self,
        mix: NDArray[np.float32],
        options: Options,
        *,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> dict[str, NDArray[np.float32]]:
        """The same in one piece, as long as the mix, which is `(1 or 2, samples)`."""
        import numpy as np

        pieces = list(self.pieces(MixInMemory(mix), options, progress=progress, cancelled=cancelled))
        return {stem: np.concatenate([piece[stem] for piece in pieces], axis=1) for stem in pieces[0]}

    def _with_stems(self, options: Options) -> Options:
        """The options with valid stems, each once, in the engine's order."""
        for name in options.stems:
            if name not in self.stems:
                raise NotFound.among("stem", name, self.stems)
        return replace(options, stems=tuple(s for s in self.stems if not options.stems or s in options.stems))


def stop_if(cancelled: Callable[[], bool]) -> None:
    """Raise `TaskCancelled` if the work is cancelled."""
    if cancelled():
        raise TaskCancelled("The separation was cancelled.")
