"""The separated voice of a recording, and where it is heard."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from avstudio_audio.speech.spans import RATE, joined, spoken
from avstudio_core.spans import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MUSIC_DB = -25.0
"""What is left without the voice is music if its level, relative to the voice, is higher."""
BLOCK = RATE // 10
AUDIBLE_DBFS = -50.0
SHARE_DB = -12.0
"""The voice is heard where its level, relative to that of the recording, is higher: below, it is what leaks into it."""
PAUSE, AROUND = 2.0, 0.4
"""In seconds: shorter pauses are not skipped, and so much around the voice is kept."""
SHORTEST = 0.3
"""A shorter sound is not a voice; in seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """The separated voice of a channel: mono at 16 kHz, as long as the channel."""

    sound: NDArray[np.float32]
    align: bool
    """Whether it gives the times of words."""
    sung: bool = False
    """Whether it is also transcribed where it is heard, but not recognised as speech: singing."""

    def raise_by(self, gain_db: float) -> None:
        """Amplify it in place, as the channel was."""
        if gain_db:
            self.sound.__imul__(10 ** (gain_db / 20))

    def spans(self, mix: NDArray[np.float32], settings: Any) -> list[Span]:
        """What is transcribed of the recording `mix`; `settings` are those of Silero VAD."""
        found = spoken(self.sound, settings)
        return joined([*found, *self.heard(mix)], 0.0) if self.sung else found

    def skipped_seconds(self, mix: NDArray[np.float32], settings: Any) -> float:
        """How long the voice is heard where nothing is transcribed."""
        together = joined([*(kept := self.spans(mix, settings)), *self.heard(mix)], 0.0)
        return sum(end - start for start, end in together) - sum(end - start for start, end in kept)

    def heard(self, mix: NDArray[np.float32]) -> list[Span]:
        """The parts in which it is a good part of what is heard."""
        import numpy as np

        voice, whole = _powers(self.sound), _powers(mix)
        loud = (voice > 10 ** (AUDIBLE_DBFS / 10)) & (voice > whole * 10 ** (SHARE_DB / 10))
        edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(np.int8))) * BLOCK / RATE
        parts = joined(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True), PAUSE)
        last = len(mix) / RATE
        return [(max(0.0, a - AROUND), min(last, b + AROUND)) for a, b in parts if b - a > SHORTEST]


def music_below(sound: NDArray[np.float32], voice: NDArray[np.float32]) -> bool:
    """Whether there is audible sound besides a voice."""
    import numpy as np

    rest, spoken = (float(np.mean(np.square(one), dtype=np.float64)) for one in (sound - voice, voice))
    return rest > 0 and (spoken == 0 or 10 * math.log10(rest / spoken) > MUSIC_DB)


def _powers(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean power of each tenth of a second."""
    import numpy as np

    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    power: NDArray[np.float32] = np.einsum("ij,ij->i", blocks, blocks) / np.float32(BLOCK)
    return power
