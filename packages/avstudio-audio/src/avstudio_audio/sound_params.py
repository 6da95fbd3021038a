"""What every processor that reads sound lets its caller choose."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from avstudio_core import Params


class SoundParams(Params):
    """Which sound of a file is read."""

    track: str | None = Field(
        default=None,
        description="The audio track: its number, as audio.probe tells it, or its language; the main one by default.",
    )

    @field_validator("track", mode="before")
    @classmethod
    def _numbers_too(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
