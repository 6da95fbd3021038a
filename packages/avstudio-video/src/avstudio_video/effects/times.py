"""Effects on time: parts, pace, direction and rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from avstudio_core.errors import InvalidInput
from avstudio_core.refusal import refusal
from avstudio_video.effects.effect import DAY, SECONDS, Effect, Moment, exact
from avstudio_video.effects.streams import Blocks, Clip, Frames, Heard, Shown, SoundShape, on_grid

if TYPE_CHECKING:
    from avstudio_video.effects.materials import Materials

MOST_REVERSED, MOST_HEARD = 300_000_000, 100_000_000
"""Bytes of all frames and of all samples that are reversed: they are in memory."""
LONGEST_REVERSED = 60
"""Seconds of what is reversed."""


class Trim(Effect):
    """Keeps a part of the source; the rest is not decoded if it comes first."""

    type: Literal["trim"] = "trim"
    start: Moment = Field(default=0.0, description="Start of the part.", json_schema_extra=SECONDS)
    end: Moment | None = Field(default=None, description="End of the part, half-open.", json_schema_extra=SECONDS)

    def model_post_init(self, context: Any) -> None:
        if self.end is not None and self.end <= self.start:
            fault = "ends before it begins" if self.end < self.start else "is empty"
            message = f"The part from '{self.start:g}' to '{self.end:g}' s {fault}"
            raise refusal(message, "The end must be after the start.")

    @property
    def last(self) -> Fraction:
        """The end, or one after the end of every recording."""
        return exact(DAY if self.end is None else self.end)

    def after(self, clip: Clip) -> Clip:
        since, until = max(clip.since, exact(self.start)), min(clip.until, self.last)
        if since >= until:
            what = f"from {float(clip.since):.3f} s to {float(clip.until):.3f} s"
            raise InvalidInput(
                f"The part from '{self.start:g}' s on is outside the video: here it is the source {what}.",
                hint="Give times of the source that are within it.",
            )
        return replace(clip, since=since, until=until)

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        at, low = Fraction(0), exact(self.start)
        for shown in frames():
            if kept := shown.within(low, self.last):
                yield (moved := kept.moved(at))
                at = moved.end

    def sound(self, blocks: Blocks, shape: SoundShape, materials: Materials) -> Iterator[Heard]:
        low, high = self.start, float(self.last)
        for block in blocks():
            count = block.samples.shape[1]
            ends = [(time - block.since) * count / (block.until - block.since) for time in (low, high)]
            first, last = (min(max(round(one), 0), count) for one in sorted(ends))
            if first < last:
                yield block.part(first, last)


class Speed(Effect):
    """Plays faster or slower."""

    type: Literal["speed"] = "speed"
    factor: float = Field(ge=0.1, le=16, description="How many times as fast.")
    keep_pitch: bool = Field(default=True, description="Keep the pitch of sound.")
    interpolate: bool = Field(default=False, description="Make frames between those of slow motion.")

    def after(self, clip: Clip) -> Clip:
        if self.interpolate and self.factor < 1 and clip.rate is None:
            message = "The effect 'speed' cannot make frames between those of a variable frame rate."
            raise InvalidInput(message, hint="Give the effect 'fps' before it, such as 'fps 30'.")
        return replace(clip, pace=clip.pace * exact(self.factor))

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        factor = exact(self.factor)
        paced = (replace(one, start=one.start / factor, end=one.end / factor) for one in frames())
        if not self.interpolate or factor >= 1 or clip.rate is None:
            return paced
        from avstudio_video.effects.motion import interpolated

        return interpolated(paced, clip, clip.rate, "motion")

    def sound(self, blocks: Blocks, shape: SoundShape, materials: Materials) -> Iterator[Heard]:
        from avstudio_video.effects.pace import paced

        return paced(blocks(), shape, self.factor, keep_pitch=self.keep_pitch)


class Reverse(Effect):
    """Plays backwards, at most a minute."""

    type: Literal["reverse"] = "reverse"

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        kept: list[Shown] = []
        size = 0
        for shown in frames():
            kept.append(shown)
            size += sum(plane.buffer_size for plane in shown.frame.planes)
            self._check(float(shown.end), size <= MOST_REVERSED)
        at = Fraction(0)
        while kept:
            shown = kept.pop()
            length = shown.end - shown.start
            yield Shown(shown.frame, at, at + length, shown.until, shown.since)
            at += length

    def _check(self, seconds: float, fits: bool) -> None:
        if seconds > LONGEST_REVERSED or not fits:
            message = "The video is too long or too large to be reversed: all of its frames are in memory."
            raise InvalidInput(message, hint=f"Trim it to {LONGEST_REVERSED} s at most, or scale it down, before.")

    def sound(self, blocks: Blocks, shape: SoundShape, materials: Materials) -> Iterator[Heard]:
        kept: list[Heard] = []
        count = size = 0
        for block in blocks():
            kept.append(block)
            count, size = count + block.samples.shape[1], size + block.samples.nbytes
            self._check(count / shape.rate - 1, size <= MOST_HEARD)
        for block in reversed(kept):
            yield Heard(block.samples[:, ::-1], block.until, block.since)


class FrameRate(Effect):
    """Gives the video a constant frame rate."""

    type: Literal["fps"] = "fps"
    rate: float = Field(ge=1, le=240, description="Frames per second.", json_schema_extra={"unit": "1/s"})
    method: Literal["nearest", "blend", "motion"] = Field(
        default="nearest", description="Repeat and drop frames; blend neighbours; or follow what moves (slow)."
    )

    @property
    def exact_rate(self) -> Fraction:
        """The rate, where 29.97 and its relatives mean 30000/1001."""
        whole = round(self.rate * 1.001)
        ntsc = Fraction(whole * 1000, 1001)
        return (
            ntsc
            if abs(float(ntsc) - self.rate) < 0.005 and self.rate != whole
            else Fraction(self.rate).limit_denominator(1000)
        )

    def after(self, clip: Clip) -> Clip:
        return replace(clip, rate=self.exact_rate)

    def pictures(self, frames: Frames, clip: Clip, materials: Materials) -> Iterator[Shown]:
        if self.method == "nearest":
            return on_grid(frames(), self.exact_rate)
        from avstudio_video.effects.motion import interpolated

        return interpolated(frames(), clip, self.exact_rate, self.method)
