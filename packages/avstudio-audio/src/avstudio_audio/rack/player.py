"""A player: sound goes through a chain of effects block by block, and its echoes follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from avstudio_audio.media.chunks import SIZE, chunks
from avstudio_audio.media.input_range import FAR_BEYOND
from avstudio_audio.rack.catalogue import AnyEffect, silence
from avstudio_audio.rack.stages import Build, Delays, row
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Block = NDArray[np.float32]

INAUDIBLE = 10 ** (-90 / 20)
"""Echoes end when they stay below this."""
PAUSE = 0.2
"""Seconds for which they must stay below it, besides the pauses between echoes."""
LONGEST_TAIL = 60.0
"""In seconds."""
LONGEST_LATENCY = 60.0
"""In seconds. An effect that holds sound for longer does not give it back."""


class Player:
    """Plays one sound through a chain of effects."""

    def __init__(self, effects: Sequence[AnyEffect], rate: int, channels: int, build: Build) -> None:
        self.delays: list[Delays] = []
        """The effects in their order, without those that are bypassed."""
        self._row = row(effects, rate, build, self.delays)
        self._pause = silence(list(effects))
        self._rate, self._channels = rate, channels
        self.length = self.tail = 0
        """Samples of the source, and after its end."""
        self._ended = False
        self.cut = False
        """Whether the tail is longer than `LONGEST_TAIL`."""

    def played(self, blocks: Iterable[Block], tail: float | None) -> Iterator[Block]:
        """What comes out for some blocks, and a tail in seconds; `None`: the echoes, until they are inaudible.

        Raises `InvalidInput`.
        """
        done, rest = 0, None
        for block in self._inputs(blocks):
            out = self._fed(block)
            part = out[:, : self.length - done]
            done += part.shape[1]
            if part.shape[1]:
                yield part
            if self._ended and done == self.length:
                rest = out[:, part.shape[1] :]
                break
        if rest is not None:
            silent = map(self._fed, self._silence(LONGEST_TAIL + LONGEST_LATENCY))
            for out in self._tail(chain([rest], silent), tail):
                self.tail += out.shape[1]
                yield out

    def _fed(self, block: Block) -> Block:
        """What comes out. Raises `InvalidInput` for values that no file of sound may have."""
        import numpy as np

        out = self._row.feed(block)
        if float(np.vdot(out, out)) > FAR_BEYOND**2 and float(np.abs(out).max()) > FAR_BEYOND:
            hint = "Lower a gain or a drive, or end the chain with 'brickwall_limiter'."
            raise InvalidInput(
                f"After {self.length / self._rate:.1f} s, the effects reach more than +30 dBFS.", hint=hint
            )
        return out

    def _inputs(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The source in blocks of one size, then silence, while effects hold sound back."""
        import numpy as np

        for block in chunks(blocks, self._channels):
            size = block.shape[1]
            self.length += size
            self._ended = size < SIZE
            yield np.pad(block, ((0, 0), (0, SIZE - size))) if self._ended else block
        self._ended = True
        yield from self._silence(LONGEST_LATENCY)
        raise InvalidInput("An effect of the chain holds the sound back, and does not give it.", hint="Leave it out.")

    def _silence(self, seconds: float) -> Iterator[Block]:
        import numpy as np

        silent = np.zeros((self._channels, SIZE), np.float32)
        return (silent for _ in range(1 + round(seconds * self._rate / SIZE)))

    def _tail(self, outs: Iterator[Block], seconds: float | None) -> Iterator[Block]:
        if seconds is not None:
            yield from _first(outs, round(seconds * self._rate))
        elif self._pause >= 0:
            yield from self._echoes(outs)

    def _echoes(self, outs: Iterator[Block]) -> Iterator[Block]:
        """What comes out until it is inaudible, without the silence after it."""
        import numpy as np

        held: list[Block] = []
        quiet, pause, most = 0, (PAUSE + self._pause) * self._rate, LONGEST_TAIL * self._rate
        for out in outs:
            loud = np.flatnonzero(np.abs(out).max(axis=0) > INAUDIBLE)
            if len(loud):
                yield from held
                yield out[:, : loud[-1] + 1]
                held, quiet = [], 0
                out = out[:, loud[-1] + 1 :]
            held.append(out)
            quiet += out.shape[1]
            if quiet >= pause:
                return
            if self.tail >= most:
                self.cut = True
                return


def _first(outs: Iterator[Block], length: int) -> Iterator[Block]:
    """The first samples of some blocks."""
    for out in outs:
        if not length:
            return
        yield out[:, :length]
        length -= min(length, out.shape[1])
