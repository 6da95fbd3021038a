"""Effects that repeat sound: echoes, rooms, modulated delays."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from pydantic.config import JsonDict

from avstudio_audio.rack.effect import Effect

HERTZ: JsonDict = {"unit": "Hz"}
MILLISECONDS: JsonDict = {"unit": "ms"}
BLEND = "Part of the effect in what comes out."


def _modulation(usual: float) -> float:
    found: float = Field(default=usual, ge=0, le=99, description="Speed of the modulation.", json_schema_extra=HERTZ)
    return found


def _feedback() -> float:
    found: float = Field(default=0.0, ge=0, le=0.99, description="Part of what comes out that goes in again.")
    return found


def _blend() -> float:
    found: float = Field(default=0.5, ge=0, le=1, description=BLEND)
    return found


class Delay(Effect):
    """Echoes."""

    plugin: ClassVar[str] = "Delay"
    attributes: ClassVar = {"time": "delay_seconds", "feedback": "feedback", "mix": "mix"}
    blends: ClassVar[bool] = True

    type: Literal["delay"] = "delay"
    time: float = Field(
        default=0.25, ge=0, le=30, description="Time to the first echo.", json_schema_extra={"unit": "s"}
    )
    feedback: float = _feedback()
    mix: float = _blend()

    def silence(self) -> float:
        automated = [value for one in self.automation if one.param == "time" for _, value in one.points]
        return max(self.time, *automated) if automated else self.time


class Reverb(Effect):
    """A room."""

    plugin: ClassVar[str] = "Reverb"
    attributes: ClassVar = {
        "room": "room_size",
        "damping": "damping",
        "wet": "wet_level",
        "dry": "dry_level",
        "width": "width",
        "freeze": "freeze_mode",
    }

    type: Literal["reverb"] = "reverb"
    room: float = Field(default=0.5, ge=0, le=1, description="Size of the room.")
    wet: float = Field(default=0.33, ge=0, le=1, description="Level of the room, as a factor.")
    dry: float = Field(default=0.4, ge=0, le=1, description="Level of the sound itself, as a factor.")
    damping: float = Field(default=0.5, ge=0, le=1, description="How much the walls damp high frequencies.")
    width: float = Field(default=1.0, ge=0, le=1, description="Width in stereo.")
    freeze: float = Field(default=0.0, ge=0, le=1, description="From 0.5 on, the room's sound never ends.")

    def silence(self) -> float:
        return 0.1


class Chorus(Effect):
    """A second voice whose pitch moves; with short delays and feedback, a flanger."""

    plugin: ClassVar[str] = "Chorus"
    attributes: ClassVar = {
        "rate": "rate_hz",
        "depth": "depth",
        "delay": "centre_delay_ms",
        "feedback": "feedback",
        "mix": "mix",
    }
    blends: ClassVar[bool] = True

    type: Literal["chorus"] = "chorus"
    rate: float = _modulation(1.0)
    depth: float = Field(default=0.25, ge=0, le=1, description="Strength of the modulation.")
    delay: float = Field(
        default=7.0, ge=1, le=99, description="The delay that is modulated.", json_schema_extra=MILLISECONDS
    )
    feedback: float = _feedback()
    mix: float = _blend()

    def silence(self) -> float:
        return 0.2


class Phaser(Effect):
    """Notches that move through the frequencies."""

    plugin: ClassVar[str] = "Phaser"
    attributes: ClassVar = {
        "rate": "rate_hz",
        "depth": "depth",
        "frequency": "centre_frequency_hz",
        "feedback": "feedback",
        "mix": "mix",
    }
    blends: ClassVar[bool] = True

    type: Literal["phaser"] = "phaser"
    rate: float = _modulation(1.0)
    depth: float = Field(default=0.5, ge=0, le=1, description="Strength of the modulation.")
    frequency: float = Field(
        default=1_300.0, ge=20, le=20_000, description="The frequency that is modulated.", json_schema_extra=HERTZ
    )
    feedback: float = _feedback()
    mix: float = _blend()


class Convolution(Effect):
    """The recorded room or cabinet of an impulse response."""

    plugin: ClassVar[str] = "Convolution"

    type: Literal["convolution"] = "convolution"
    impulse: int = Field(
        default=1, ge=1, le=100, description="Which of the files in 'impulses' is the impulse response."
    )

    def silence(self) -> float:
        return 1.0
