"""Rounds samples to integers, with or without dither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.media.formats import Dither
from avstudio_audio.media.layouts import LAYOUTS
from avstudio_core.errors import InvalidParams

if TYPE_CHECKING:
    import numpy as np
    from av.audio.resampler import AudioResampler
    from numpy.typing import NDArray

SHAPED_RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 37_800, 38_000, 44_100, 48_000)
"""The sample rates in Hz for which FFmpeg has a filter that shapes noise."""
SHAPED_BITS = 16
SINGLE_BITS = 24
"""The bits that a float32 has; it would round the highest integer of more bits up, which then overflows."""
SEED = 0
"""The same sound always gives the same file."""


class Rounding:
    """Converts blocks of floats to integers of some bits, clipped, in the upper bits of an int32."""

    def __init__(self, bits: int, dither: Dither, channels: int, rate: int) -> None:
        """Raises `InvalidParams` where noise cannot be shaped."""
        import numpy as np

        self._bits, self._dither = bits, dither
        self._noise = np.random.default_rng(SEED)
        self._shaper = _shaper(bits, channels, rate) if dither is Dither.SHAPED else None
        self._layout, self._rate = LAYOUTS[min(channels, len(LAYOUTS)) - 1], rate

    def feed(self, block: NDArray[np.float32]) -> NDArray[np.int32]:
        """The next block, `(channels, any)`."""
        import numpy as np

        if self._shaper:
            return self._shaped(block, self._shaper)
        limit = 1 << (self._bits - 1)
        if self._dither is Dither.TPDF:  # in float64: beside 24 bits, float32 has no room for noise
            noise = self._noise.random((2, *block.shape))
            scaled = block * np.float64(limit) + (noise[0] - noise[1])
            numbers: NDArray[np.int32] = np.clip(np.rint(scaled), -limit, limit - 1).astype(np.int32)
        else:
            exact = block.astype(np.float64) if self._bits > SINGLE_BITS else block
            numbers = np.clip(np.rint(exact * exact.dtype.type(limit)), -limit, limit - 1).astype(np.int32)
        return numbers << (32 - self._bits)

    def _shaped(self, block: NDArray[np.float32], shaper: AudioResampler) -> NDArray[np.int32]:
        import av
        import numpy as np

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T).reshape(1, -1), "flt", self._layout)
        frame.sample_rate = self._rate
        rounded = np.concatenate([one.to_ndarray() for one in shaper.resample(frame)], axis=1)
        numbers: NDArray[np.int32] = rounded.astype(np.int32) << (32 - SHAPED_BITS)
        return numbers


def _shaper(bits: int, channels: int, rate: int) -> AudioResampler:
    if bits != SHAPED_BITS or rate not in SHAPED_RATES or channels > len(LAYOUTS):
        raise InvalidParams(
            f"Noise cannot be shaped for {bits} bits, {rate} Hz and {channels} channels.",
            hint=f"Choose dither 'tpdf', or {SHAPED_BITS} bits at a common rate up to 48000 Hz.",
        )
    import av

    return av.AudioResampler("s16p", LAYOUTS[channels - 1], rate, options={"dither_method": "shibata"})
