"""Effects on the level of sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from avstudio_video.effects.effect import Timed
from avstudio_video.effects.streams import Blocks, Heard, SoundShape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_video.effects.materials import Materials


PEAK = 10 ** (-1 / 20)
"""The highest true peak, as a factor of full scale."""


class Level(Timed):
    """Makes sound louder, quieter or silent."""

    type: Literal["audio"] = "audio"
    gain: float = Field(default=0.0, ge=-60, le=24, description="Gain.", json_schema_extra={"unit": "dB"})
    mute: bool = Field(default=False, description="Silence.")
    loudness: float | None = Field(
        default=None,
        ge=-70,
        le=-5,
        description="Integrated loudness to reach with one gain, as far as true peaks stay below -1 dBTP.",
        json_schema_extra={"unit": "LUFS"},
    )

    @property
    def looks_ahead(self) -> bool:
        return self.loudness is not None

    def sound(self, blocks: Blocks, shape: SoundShape, materials: Materials) -> Iterator[Heard]:
        factor = 0.0 if self.mute else 10 ** (self.gain / 20) * self._leveled(blocks, shape, materials)
        for block in blocks():
            inside = self._inside(times_of(block))
            samples = block.samples * (1 + (factor - 1) * inside)
            yield replace(block, samples=samples.astype("float32"))

    def _leveled(self, blocks: Blocks, shape: SoundShape, materials: Materials) -> float:
        """The factor that reaches the loudness; the sound before is computed once more for it."""
        if self.loudness is None:
            return 1.0
        from avstudio_video.sound.loudness import LoudnessMeter

        meter = LoudnessMeter(shape.rate, shape.layout)
        for block in blocks():
            meter.feed(block.samples)
        found = meter.loudness()
        if found.integrated is None:
            return 1.0
        wanted = 10 ** ((self.loudness - self.gain - found.integrated) / 20)
        most = PEAK / 10 ** (((found.true_peak or 0.0) + self.gain) / 20)
        if wanted > most:
            materials.warn("target_missed", f"The peaks are too high for a loudness of {self.loudness:g} LUFS.")
        return min(wanted, most)

    def _inside(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 for samples that it works on, and 0 for others."""
        end = float("inf") if self.end is None else self.end
        return ((times >= self.start) & (times < end)).astype(float)


def times_of(block: Heard) -> NDArray[np.float64]:
    """The time of the source at each sample."""
    import numpy as np

    return np.linspace(block.since, block.until, block.samples.shape[1], endpoint=False)
