"""Effects that change levels."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from pydantic.config import JsonDict

from avstudio_audio.rack.effect import Effect

DECIBELS: JsonDict = {"unit": "dB"}
FULL_SCALE: JsonDict = {"unit": "dBFS"}
MILLISECONDS: JsonDict = {"unit": "ms"}
TIMES = {"threshold": "threshold_db", "ratio": "ratio", "attack": "attack_ms", "release": "release_ms"}


def _threshold(usual: float, description: str) -> float:
    found: float = Field(default=usual, ge=-100, le=0, description=description, json_schema_extra=FULL_SCALE)
    return found


def _attack(usual: float) -> float:
    found: float = Field(
        default=usual, ge=0, le=1_000, description="How fast it begins to work.", json_schema_extra=MILLISECONDS
    )
    return found


def _release(usual: float) -> float:
    found: float = Field(
        default=usual, ge=1, le=10_000, description="How fast it stops.", json_schema_extra=MILLISECONDS
    )
    return found


class Gain(Effect):
    """Change the level."""

    plugin: ClassVar[str] = "Gain"
    attributes: ClassVar = {"gain": "gain_db"}

    type: Literal["gain"] = "gain"
    gain: float = Field(default=0.0, ge=-200, le=60, description="Change of the level.", json_schema_extra=DECIBELS)


class Compressor(Effect):
    """Lower what is louder than a threshold."""

    plugin: ClassVar[str] = "Compressor"
    attributes: ClassVar = TIMES

    type: Literal["compressor"] = "compressor"
    threshold: float = _threshold(-20.0, "Level above which it works.")
    ratio: float = Field(default=3.0, ge=1, le=100, description="How many dB above the threshold become one.")
    attack: float = _attack(5.0)
    release: float = _release(100.0)


class NoiseGate(Effect):
    """Lower what is quieter than a threshold."""

    plugin: ClassVar[str] = "NoiseGate"
    attributes: ClassVar = TIMES

    type: Literal["noise_gate"] = "noise_gate"
    threshold: float = _threshold(-50.0, "Level below which it works.")
    ratio: float = Field(default=10.0, ge=1, le=100, description="How many dB below the threshold one becomes.")
    attack: float = _attack(1.0)
    release: float = _release(100.0)


class Duck(Effect):
    """Lower the sound while the recording in 'sidechain' is louder than a threshold, as music under a voice."""

    type: Literal["duck"] = "duck"
    amount: float = Field(default=12.0, ge=0, le=100, description="By how much.", json_schema_extra=DECIBELS)
    threshold: float = _threshold(-40.0, "Level of the sidechain above which it works.")
    attack: float = Field(
        default=200.0,
        ge=0,
        le=10_000,
        description="How long before it begins to lower the sound.",
        json_schema_extra=MILLISECONDS,
    )
    hold: float = Field(
        default=300.0, ge=0, le=10_000, description="Pauses that do not count.", json_schema_extra=MILLISECONDS
    )
    release: float = Field(
        default=500.0, ge=0, le=10_000, description="How long it takes to raise it.", json_schema_extra=MILLISECONDS
    )


class Limiter(Effect):
    """A compressor without peaks above its threshold that then makes the sound louder, up to full scale."""

    plugin: ClassVar[str] = "Limiter"
    attributes: ClassVar = {"threshold": "threshold_db", "release": "release_ms"}

    type: Literal["limiter"] = "limiter"
    threshold: float = _threshold(-6.0, "Level above which it works.")
    release: float = _release(100.0)


class BrickwallLimiter(Effect):
    """Keep peaks below a ceiling; the sound below it does not change."""

    plugin: ClassVar[str] = "BrickwallLimiter"
    attributes: ClassVar = {
        "ceiling": "ceiling_db",
        "release": "release_ms",
        "lookahead": "lookahead_ms",
        "true_peak": "true_peak",
    }
    fixed: ClassVar = ("lookahead", "true_peak")

    type: Literal["brickwall_limiter"] = "brickwall_limiter"
    ceiling: float = _threshold(-1.0, "The highest peak.")
    release: float = _release(100.0)
    lookahead: float = Field(
        default=5.0, ge=0.1, le=50, description="How long before a peak it works.", json_schema_extra=MILLISECONDS
    )
    true_peak: bool = Field(default=False, description="Whether values between samples count as peaks.")
