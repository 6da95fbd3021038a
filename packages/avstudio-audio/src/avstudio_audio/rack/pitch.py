"""The effect that changes the pitch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from avstudio_audio.rack.effect import Effect


class PitchShift(Effect):
    """Raise or lower the pitch; the speed stays the same."""

    type: Literal["pitch_shift"] = "pitch_shift"
    semitones: float = Field(default=0.0, ge=-24, le=24, description="12 are an octave; fractions are possible.")
    formants: bool = Field(default=False, description="Keep the formants, so that a voice sounds like the same person.")
