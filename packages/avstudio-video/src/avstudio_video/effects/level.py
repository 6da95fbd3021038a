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


class Level(Timed):
    """Makes sound louder, quieter or silent."""

    type: Literal["audio"] = "audio"
    gain: float = Field(default=0.0, ge=-60, le=24, description="Gain.", json_schema_extra={"unit": "dB"})
    mute: bool = Field(default=False, description="Silence.")

    def sound(self, blocks: Blocks, shape: SoundShape, materials: Materials) -> Iterator[Heard]:
        factor = 0.0 if self.mute else 10 ** (self.gain / 20)
        for block in blocks():
            inside = self._inside(times_of(block))
            samples = block.samples * (1 + (factor - 1) * inside)
            yield replace(block, samples=samples.clip(-1, 1).astype("float32"))

    def _inside(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 for samples that it works on, and 0 for others."""
        end = float("inf") if self.end is None else self.end
        return ((times >= self.start) & (times < end)).astype(float)


def times_of(block: Heard) -> NDArray[np.float64]:
    """The time of the source at each sample."""
    import numpy as np

    return np.linspace(block.since, block.until, block.samples.shape[1], endpoint=False)
