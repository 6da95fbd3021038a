"""The levels of a file, as results show them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from avstudio_audio.loudness.meter import Meter, Reading
    from avstudio_audio.media.limits import Limits
    from avstudio_audio.media.progress import Progress, Warn

DECIMALS = 3
LEVEL = "empty for silence, and for sound that is too short or too quiet"


class Levels(BaseModel):
    """What was measured by ITU-R BS.1770-4 and EBU R 128."""

    model_config = ConfigDict(frozen=True)

    integrated: float | None = Field(
        description=f"Loudness of the whole sound; {LEVEL}.", json_schema_extra={"unit": "LUFS"}
    )
    range: float | None = Field(description="Loudness range; empty below 3 s.", json_schema_extra={"unit": "LU"})
    max_momentary: float | None = Field(
        description="Highest loudness of 0.4 s; empty if it is shorter.", json_schema_extra={"unit": "LUFS"}
    )
    max_short_term: float | None = Field(
        description="Highest loudness of 3 s; empty if it is shorter.", json_schema_extra={"unit": "LUFS"}
    )
    threshold: float | None = Field(
        description="Parts below it do not count in the loudness.", json_schema_extra={"unit": "LUFS"}
    )
    true_peak: float | None = Field(
        description="Highest value, also between samples; empty for silence.", json_schema_extra={"unit": "dBTP"}
    )
    sample_peak: float | None = Field(
        description="Highest sample; empty for silence.", json_schema_extra={"unit": "dBFS"}
    )
    rms: float | None = Field(
        description="Root mean square of all channels; empty for silence.", json_schema_extra={"unit": "dBFS"}
    )

    @classmethod
    def of(cls, reading: Reading) -> Self:
        return cls(**{name: value and round(value, DECIMALS) for name, value in asdict(reading).items()})


class Curves(BaseModel):
    """Loudness over time; a value is empty where there is silence."""

    model_config = ConfigDict(frozen=True)

    step: float = Field(
        description="Time between two values; the first one is of the first 0.4 s (momentary) or 3 s (short-term).",
        json_schema_extra={"unit": "s"},
    )
    momentary: list[float | None] = Field(
        default=[], description="Loudness of 0.4 s.", json_schema_extra={"unit": "LUFS"}
    )
    short_term: list[float | None] = Field(
        default=[], description="Loudness of 3 s.", json_schema_extra={"unit": "LUFS"}
    )

    @classmethod
    def of(cls, meter: Meter, wanted: Iterable[str], step: float) -> Self:
        """The `wanted` ones of `momentary` and `short_term`, with a value about every `step` seconds."""
        from avstudio_audio.loudness.gates import lufs

        every = max(1, round(step / meter.step))
        energies = {name: getattr(meter, name)()[::every] for name in wanted}
        values = {name: [_rounded(lufs(float(one))) for one in found] for name, found in energies.items()}
        return cls(step=round(every * meter.step, 6), **values)


@dataclass(frozen=True, slots=True)
class Measured:
    """The meter of a whole sound, and what it reads."""

    meter: Meter
    reading: Reading
    rate: int
    channels: int
    bits: int | None
    """Bits of a sample; `None` for lossy codecs."""
    duration: float
    """In seconds, from the start of the file."""


def measured(
    path: Path,
    *,
    track: str | None = None,
    dual_mono: bool = False,
    progress: Progress | None = None,
    warn: Warn,
    limits: Limits,
) -> Measured:
    """Measure the sound of a file in one pass; memory does not grow with its length, but for the curves."""
    from avstudio_audio.loudness.meter import Meter
    from avstudio_audio.media.stream import open_stream

    with open_stream(path, track=track, progress=progress, warn=warn, limits=limits) as stream:
        meter = Meter(stream.rate, stream.channels, stream.speakers, dual_mono=dual_mono)
        for block in stream.blocks_from():
            meter.add(block)
        reading = meter.finish()
        return Measured(meter, reading, stream.rate, stream.channels, stream.bits, meter.duration)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
