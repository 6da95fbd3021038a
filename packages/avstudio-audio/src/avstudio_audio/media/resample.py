"""Another sample rate, by libswresample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from av.audio.resampler import AudioResampler
    from numpy.typing import NDArray

TAPS = 64
"""Length of the filter at the lower rate. Twice FFmpeg's default and hardly slower: what lies 5 % above the new
Nyquist frequency comes out more than 60 dB down, where the default leaves it at −22 dB."""


def resampled(
    blocks: Iterable[NDArray[np.float32]], channels: int, before: int, after: int
) -> Iterator[NDArray[np.float32]]:
    """Blocks of `(channels, any)` at `before` Hz, as blocks at `after` Hz: not delayed, and as long, rounded up."""
    import av
    import numpy as np

    options = {"filter_size": str(TAPS)}
    # One resampler a channel: FFmpeg then needs no layout, and may have any number of channels.
    filters = [av.AudioResampler("flt", "mono", after, options=options) for _ in range(channels)]
    # They give nothing at all for less sound than they are long, so silence follows, and is cut off again.
    silence = np.zeros((channels, 2 * TAPS * -(-max(before, after) // after)), np.float32)
    taken = given = 0
    for block in chain(blocks, [silence]):
        taken += 0 if block is silence else block.shape[1]
        rows = [_filtered(one, row, before, block is silence) for one, row in zip(filters, block, strict=True)]
        room = -(-taken * after // before) - given
        result = np.stack(rows)[:, :room]
        given += result.shape[1]
        yield result


def _filtered(resampler: AudioResampler, row: NDArray[np.float32], rate: int, last: bool) -> NDArray[np.float32]:
    """What a filter gives for the next part of one channel, and with the last part all that it still holds."""
    import av
    import numpy as np

    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(row)[None], "flt", "mono")
    frame.sample_rate = rate
    frames = resampler.resample(frame) + (resampler.resample(None) if last else [])
    return np.concatenate([np.empty(0, np.float32), *(one.to_ndarray()[0] for one in frames)])
