"""Changes the sample rate, with libswresample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from av.audio.resampler import AudioResampler
    from numpy.typing import NDArray

TAPS = 64
"""Length of the filter at the lower rate: twice FFmpeg's default, and hardly slower. It attenuates sound 5 % above
the new Nyquist frequency by more than 60 dB; the default does so by only 22 dB."""
BEST = {"filter_size": "256", "kaiser_beta": "11", "cutoff": "0.97"}
"""Attenuates sound 5 % above the new Nyquist frequency by more than 110 dB, and is flat up to 5 % below it."""


class Resampler:
    """Converts blocks of `(channels, any)` from one rate to another, without delay and with the same total length."""

    def __init__(self, channels: int, before: int, after: int, *, best: bool = False) -> None:
        """`best` is for sound that people will hear; models need less."""
        import av
        import numpy as np

        options = BEST if best else {"filter_size": str(TAPS)}
        taps = int(options["filter_size"])
        # One resampler for each channel: FFmpeg then needs no layout, and any number of channels is possible.
        self._filters = [av.AudioResampler("flt", "mono", after, options=options) for _ in range(channels)]
        # The filters return nothing for sound shorter than they are, so silence is appended and cut off again.
        self._silence = np.zeros((channels, 2 * taps * -(-max(before, after) // after)), np.float32)
        self._before, self._after = before, after
        self._taken = self._given = 0

    def feed(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert a block; the filters hold back a little sound."""
        self._taken += block.shape[1]
        return self._filtered(block, last=False)

    def rest(self) -> NDArray[np.float32]:
        """After the last block, return what was held back. The total length equals that of the input, rounded up."""
        return self._filtered(self._silence, last=True)

    def _filtered(self, block: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        import numpy as np

        rows = [_filtered(one, row, self._before, last) for one, row in zip(self._filters, block, strict=True)]
        room = -(-self._taken * self._after // self._before) - self._given
        result = np.stack(rows)[:, :room]
        self._given += result.shape[1]
        return result


def resampled(
    blocks: Iterable[NDArray[np.float32]], channels: int, before: int, after: int, *, best: bool = False
) -> Iterator[NDArray[np.float32]]:
    """Blocks of `(channels, any)` at `before` Hz as blocks at `after` Hz: without delay, the length rounded up."""
    resampler = Resampler(channels, before, after, best=best)
    for block in blocks:
        yield resampler.feed(block)
    yield resampler.rest()


def _filtered(resampler: AudioResampler, row: NDArray[np.float32], rate: int, last: bool) -> NDArray[np.float32]:
    """The output of a filter for the next part of one channel; for the last part, all of it."""
    import av
    import numpy as np

    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(row)[None], "flt", "mono")
    frame.sample_rate = rate
    frames = resampler.resample(frame) + (resampler.resample(None) if last else [])
    return np.concatenate([np.empty(0, np.float32), *(one.to_ndarray()[0] for one in frames)])
