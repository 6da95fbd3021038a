"""The effects that a chain may have, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from avstudio_audio.rack import colours, dynamics, external, filters, pitch, spaces
from avstudio_audio.rack.effect import Effect

MOST_BRANCHES = 16
MOST_EFFECTS = 64
"""In a chain, with those in all branches."""


class Parallel(Effect):
    """Branches that all get the same sound, and whose sum comes out; an empty branch passes it on unchanged."""

    type: Literal["parallel"] = "parallel"
    branches: list[list[AnyEffect]] = Field(
        min_length=1, max_length=MOST_BRANCHES, description="The chains of effects."
    )

    def silence(self) -> float:
        return max(silence(branch) for branch in self.branches)


AnyEffect = Annotated[
    filters.Highpass
    | filters.Lowpass
    | filters.LowShelf
    | filters.HighShelf
    | filters.Peak
    | filters.Ladder
    | dynamics.Gain
    | dynamics.Compressor
    | dynamics.NoiseGate
    | dynamics.Duck
    | dynamics.Limiter
    | dynamics.BrickwallLimiter
    | colours.Distortion
    | colours.Clipping
    | colours.Bitcrush
    | colours.Resample
    | colours.MP3
    | colours.GSM
    | colours.Invert
    | pitch.PitchShift
    | spaces.Delay
    | spaces.Reverb
    | spaces.Chorus
    | spaces.Phaser
    | spaces.Convolution
    | external.External
    | Parallel,
    Field(discriminator="type"),
]


def silence(effects: list[AnyEffect]) -> float:
    """Seconds for which a chain may be silent before an echo; negative if it has no echoes."""
    found = [one.silence() for one in effects if not one.bypass]
    return sum(one for one in found if one >= 0) if any(one >= 0 for one in found) else -1.0


def each(effects: Iterable[AnyEffect]) -> Iterator[AnyEffect]:
    """All effects, also those in branches."""
    for one in effects:
        yield one
        if isinstance(one, Parallel):
            for branch in one.branches:
                yield from each(branch)
