"""A player: sound goes through a chain of effects block by block, and its echoes follow."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, repeat
from typing import TYPE_CHECKING

from avstudio_audio.media.ahead import ahead
from avstudio_audio.media.chunks import SIZE, chunks
from avstudio_audio.media.input_range import FAR_BEYOND
from avstudio_audio.rack.catalogue import AnyEffect, silence
from avstudio_audio.rack.stages import Build, Delays, Row, row
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
    """Plays one sound through a chain of effects; parts of the chain work side by side, on as many threads."""

    def __init__(
        self, effects: Sequence[AnyEffect], rate: int, channels: int, build: Build, *, threads: int = 1
    ) -> None:
        self.delays: list[Delays] = []
        """The effects in their order, without those that are bypassed."""
        self._parts = row(effects, rate, build, self.delays).split(threads)
        self._pause = silence(list(effects))
        self._rate, self._channels = rate, channels
        self.length = self.tail = 0
        """Samples of the source, and after its end."""
        self._ended = self._complete = False
        self.cut = False
        """Whether the tail is longer than `LONGEST_TAIL`."""

    def played(self, blocks: Iterable[Block], tail: float | None) -> Iterator[Block]:
        """What comes out for some blocks, and a tail in seconds; `None`: the echoes, until they are inaudible.

        Raises `InvalidInput`.
        """
        done = 0
        with self._outs(blocks) as outs:
            while not self._complete:
                out = next(outs)
                part = out[:, : self.length - done]
                done += part.shape[1]
                if part.shape[1]:
                    yield part
                self._complete = self._ended and done == self.length
            after = chain([out[:, part.shape[1] :]], outs)
            for echo in self._tail(after, tail):
                self.tail += echo.shape[1]
                yield echo

    @contextmanager
    def _outs(self, blocks: Iterable[Block]) -> Iterator[Iterator[Block]]:
        """What comes out of the whole chain, without an end."""
        with ExitStack() as stack:
            outs: Iterator[Block] = self._inputs(blocks)
            for part in self._parts[:-1]:
                outs = stack.enter_context(ahead(_fed(part, outs)))
            yield map(self._checked, _fed(self._parts[-1], outs))

    def _checked(self, out: Block) -> Block:
        """The same block. Raises `InvalidInput` for values that no file of sound may have."""
        import numpy as np

        if float(np.vdot(out, out)) > FAR_BEYOND**2 and float(np.abs(out).max()) > FAR_BEYOND:
            hint = "Lower a gain or a drive, or end the chain with 'brickwall_limiter'."
            raise InvalidInput(
                f"After {self.length / self._rate:.1f} s, the effects reach more than +30 dBFS.", hint=hint
            )
        return out

    def _inputs(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The source in blocks of one size, then silence. Raises `InvalidInput` if effects hold the sound back."""
        import numpy as np

        for block in chunks(blocks, self._channels):
            size = block.shape[1]
            self.length += size
            self._ended = size < SIZE
            yield np.pad(block, ((0, 0), (0, SIZE - size))) if self._ended else block
        self._ended = True
        silent = np.zeros((self._channels, SIZE), np.float32)
        yield from repeat(silent, 1 + round(LONGEST_LATENCY * self._rate / SIZE))
        if not self._complete:
            message = "An effect of the chain holds the sound back, and does not give it."
            raise InvalidInput(message, hint="Leave it out.")
        yield from repeat(silent)

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


def _fed(part: Row, blocks: Iterable[Block]) -> Generator[Block, None, None]:
    for block in blocks:
        yield part.feed(block)


def _first(outs: Iterator[Block], length: int) -> Iterator[Block]:
    """The first samples of some blocks."""
    for out in outs:
        if not length:
            return
        yield out[:, :length]
        length -= min(length, out.shape[1])
