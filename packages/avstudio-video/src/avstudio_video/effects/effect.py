"""An effect: what all of them share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from avstudio_core.refusal import refusal
from avstudio_core.time_param import ClockToo
from avstudio_video.effects.streams import Blocks, Clip, Frames, Heard, Shown, SoundShape

if TYPE_CHECKING:
    from avstudio_video.effects.materials import Materials
    from avstudio_video.effects.wires import Pin, Wires

DAY = 86_400
SECONDS: dict[str, JsonValue] = {"unit": "s"}
Moment = Annotated[float, Field(ge=0, le=DAY), ClockToo]
"""A time of the source, in seconds."""
PIXELS: dict[str, JsonValue] = {"unit": "px"}
FINE = 1_000_000
"""Times of users are whole parts of a second by this."""
LARGEST = 8192
"""Of a width or height in pixels."""


def exact(seconds: float) -> Fraction:
    """A user's time as a fraction."""
    return Fraction(round(seconds * FINE), FINE)


class Effect(BaseModel):
    """One effect of a chain; times are those of the source."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    type: str
    enabled: bool = Field(default=True, description="Whether it is applied.")

    @classmethod
    def own(cls) -> list[str]:
        """The names of the parameters that not all effects have, in their order."""
        return [name for name in cls.model_fields if name not in ("type", "enabled")]

    @property
    def looks_ahead(self) -> bool:
        """Whether all that comes before it is computed once more."""
        return False

    def after(self, clip: Clip) -> Clip:
        """What it makes of a clip. Raises `InvalidInput` if it cannot."""
        return clip

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        """The frames after it."""
        yield from frames()

    def sound(self, blocks: Blocks, shape: SoundShape, materials: Materials) -> Iterator[Heard]:
        """The sound after it."""
        yield from blocks()


class Filtered(Effect):
    """An effect that filters of FFmpeg make."""

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        from avstudio_video.effects.wires import filtered

        return filtered(frames(), clip, self.after(clip), lambda wires: self.wire(wires, materials))

    @abstractmethod
    def wire(self, wires: Wires, materials: Materials) -> Pin:
        """Add its filters behind the source of the wires."""


class Timed(Effect):
    """An effect that can be limited to a part of the time."""

    start: Moment = Field(default=0.0, description="When it begins.", json_schema_extra=SECONDS)
    end: Moment | None = Field(
        default=None, description="When it ends; by default with the video.", json_schema_extra=SECONDS
    )

    def model_post_init(self, context: Any) -> None:
        if self.end is not None and self.end <= self.start:
            message = f"The end '{self.end:g}' of the effect '{self.type}' is not after its start '{self.start:g}'"
            raise refusal(message, "Give a later end, in seconds.")

    def covers(self, shown: Shown) -> bool:
        """Whether it works on a frame: on those that begin within its time."""
        begin = min(shown.since, shown.until)
        return exact(self.start) <= begin and (self.end is None or begin < exact(self.end))


class TimedFilter(Timed, Filtered):
    """Filters that keep the size of frames, for a part of the time."""

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        from itertools import groupby

        from avstudio_video.effects.wires import filtered

        for covered, group in groupby(frames(), self.covers):
            if covered:
                yield from filtered(group, clip, clip, lambda wires: self.wire(wires, materials))
            else:
                yield from group
