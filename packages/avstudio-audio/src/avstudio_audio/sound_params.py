"""The parameters of all processors that read sound."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from avstudio_core import Params


class SoundParams(Params):
    """Which sound of a file to read."""

    track: str | None = Field(
        default=None,
        description="The audio track: its number, as audio.probe shows it, or its language; by default the main one.",
    )

    @field_validator("track", mode="before")
    @classmethod
    def _numbers_too(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
