"""Effects that change the balance of frequencies."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from pydantic.config import JsonDict

from avstudio_audio.rack.effect import Effect

LOWEST, HIGHEST = 10, 100_000
HERTZ: JsonDict = {"unit": "Hz"}
BAND = {"frequency": "cutoff_frequency_hz", "gain": "gain_db", "q": "q"}


def _frequency(usual: float, description: str) -> float:
    found: float = Field(default=usual, ge=LOWEST, le=HIGHEST, description=description, json_schema_extra=HERTZ)
    return found


def _gain() -> float:
    found: float = Field(
        default=0.0, ge=-60, le=60, description="Change of the level.", json_schema_extra={"unit": "dB"}
    )
    return found


def _q(usual: float = 0.707) -> float:
    found: float = Field(default=usual, ge=0.05, le=50, description="Quality: higher is narrower, or steeper.")
    return found


class Highpass(Effect):
    """Lower what is below a frequency, by 6 dB per octave."""

    plugin: ClassVar[str] = "HighpassFilter"
    attributes: ClassVar = {"cutoff": "cutoff_frequency_hz"}

    type: Literal["highpass"] = "highpass"
    cutoff: float = _frequency(80.0, "Frequency at −3 dB.")


class Lowpass(Effect):
    """Lower what is above a frequency, by 6 dB per octave."""

    plugin: ClassVar[str] = "LowpassFilter"
    attributes: ClassVar = {"cutoff": "cutoff_frequency_hz"}

    type: Literal["lowpass"] = "lowpass"
    cutoff: float = _frequency(10_000.0, "Frequency at −3 dB.")


class LowShelf(Effect):
    """Raise or lower what is below a frequency."""

    plugin: ClassVar[str] = "LowShelfFilter"
    attributes: ClassVar = BAND

    type: Literal["low_shelf"] = "low_shelf"
    frequency: float = _frequency(200.0, "Frequency of half the change.")
    gain: float = _gain()
    q: float = _q()


class HighShelf(Effect):
    """Raise or lower what is above a frequency."""

    plugin: ClassVar[str] = "HighShelfFilter"
    attributes: ClassVar = BAND

    type: Literal["high_shelf"] = "high_shelf"
    frequency: float = _frequency(8_000.0, "Frequency of half the change.")
    gain: float = _gain()
    q: float = _q()


class Peak(Effect):
    """Raise or lower a band of frequencies."""

    plugin: ClassVar[str] = "PeakFilter"
    attributes: ClassVar = BAND

    type: Literal["peak"] = "peak"
    frequency: float = _frequency(1_000.0, "Middle of the band.")
    gain: float = _gain()
    q: float = _q(1.0)


class Ladder(Effect):
    """The filter of analog synthesizers, which resonates at its cutoff."""

    plugin: ClassVar[str] = "LadderFilter"
    attributes: ClassVar = {"mode": "mode", "cutoff": "cutoff_hz", "resonance": "resonance", "drive": "drive"}
    fixed: ClassVar = ("mode",)

    type: Literal["ladder"] = "ladder"
    cutoff: float = _frequency(1_000.0, "Cutoff.")
    resonance: float = Field(default=0.0, ge=0, le=1, description="Resonance at the cutoff.")
    drive: float = Field(default=1.0, ge=1, le=100, description="Gain before its saturation, as a factor.")
    mode: Literal["LPF12", "HPF12", "BPF12", "LPF24", "HPF24", "BPF24"] = Field(
        default="LPF24", description="Low, high or band pass, with 12 or 24 dB per octave."
    )
