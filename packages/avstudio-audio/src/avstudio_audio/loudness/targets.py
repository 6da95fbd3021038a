"""The levels that platforms and standards require."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from avstudio_audio.loudness.meter import Reading

Mode = Literal["lufs", "rms", "peak", "true_peak"]
Preset = Literal["podcast", "podcast_mono", "spotify", "youtube", "apple", "ebu_r128", "atsc_a85", "audible"]

UNITS: Mapping[Mode, str] = MappingProxyType({"lufs": "LUFS", "rms": "dBFS", "peak": "dBFS", "true_peak": "dBTP"})


@dataclass(frozen=True, slots=True)
class Target:
    """A level to reach, and the highest true peak in dBTP (`None` for any)."""

    mode: Mode
    level: float
    ceiling: float | None = None

    def level_in(self, reading: Reading) -> float | None:
        """What was measured of the kind of level that is to be reached."""
        levels: dict[Mode, float | None] = {
            "lufs": reading.integrated,
            "rms": reading.rms,
            "peak": reading.sample_peak,
            "true_peak": reading.true_peak,
        }
        return levels[self.mode]

    def __str__(self) -> str:
        return f"{self.level:g} {UNITS[self.mode]}"


DEFAULTS: Mapping[Mode, Target] = MappingProxyType(
    {
        "lufs": Target("lufs", -16.0, -1.0),
        "rms": Target("rms", -20.0, -1.0),
        "peak": Target("peak", -1.0),
        "true_peak": Target("true_peak", -1.0),
    }
)
PRESETS: Mapping[Preset, Target] = MappingProxyType(
    {
        "podcast": Target("lufs", -16.0, -1.0),
        "podcast_mono": Target("lufs", -19.0, -1.0),
        "spotify": Target("lufs", -14.0, -1.0),
        "youtube": Target("lufs", -14.0, -1.0),
        "apple": Target("lufs", -16.0, -1.0),
        "ebu_r128": Target("lufs", -23.0, -1.0),
        "atsc_a85": Target("lufs", -24.0, -2.0),
        "audible": Target("rms", -20.0, -3.0),
    }
)
