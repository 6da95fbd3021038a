"""Timecodes: labels of frames (SMPTE ST 12-1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from avstudio_core.errors import InvalidParams
from avstudio_core.quotes import quoted

TIMECODE = re.compile(r"(\d{1,2}):(\d\d):(\d\d)[:;.](\d{1,3})")

MOST_FRAMES = 255
"""Frames in a second of labels, at most: MP4 and MOV do not store more."""


@dataclass(frozen=True, slots=True)
class FrameCount:
    """Counts the frames of a rate, which may be `30000/1001`."""

    rate: Fraction
    drop: bool
    """Whether two labels of each minute but the tenth are left out, so that they follow the time of day."""

    @property
    def base(self) -> int:
        """Frames in a second of labels."""
        return max(1, round(self.rate))

    def label(self, frame: int) -> str:
        """The timecode of a frame, counted from 00:00:00:00."""
        base = self.base
        if self.drop:
            dropped = base // 15
            tens, rest = divmod(frame, 600 * base - 9 * dropped)
            frame += 9 * dropped * tens + (
                dropped * ((rest - dropped) // (60 * base - dropped)) if rest >= dropped else 0
            )
        seconds, frames = divmod(frame, base)
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours % 24:02}:{minutes:02}:{seconds % 60:02}{';' if self.drop else ':'}{frames:02}"

    def frame(self, label: str) -> int:
        """The frame with a timecode. Raises `InvalidParams`."""
        if not (found := TIMECODE.fullmatch(label)):
            raise InvalidParams(f"{quoted(label)} is not a timecode.", hint="Give one such as '01:00:00:00'.")
        given = [*map(int, found.groups())]
        number = self._frame_from(*given)
        valid = self.label(number)
        if [*map(int, re.findall(r"\d+", valid))] != given:
            raise InvalidParams(f"{quoted(label)} is not a timecode.", hint=f"The next one is '{valid}'.")
        return number

    def _frame_from(self, *numbers: int) -> int:
        """The frame with these hours, minutes, seconds and frames, or with the next label if there is none."""
        nominal, rest = 0, False
        for number, limit in zip(numbers, (24, 60, 60, self.base), strict=True):
            nominal = nominal * limit + (0 if rest else min(number, limit))
            rest = rest or number >= limit
        if not self.drop:
            return nominal
        dropped, minute = self.base // 15, nominal // (60 * self.base)
        if minute % 10:
            nominal = max(nominal, minute * 60 * self.base + dropped)
        return nominal - dropped * (minute - minute // 10)


def count_of(rate: Fraction, timecode: str | None) -> FrameCount:
    """How frames of a rate are counted: drop-frame as the timecode of the first frame says, or at 29.97 and 59.94."""
    possible = rate.denominator == 1001 and round(rate) % 30 == 0
    wanted = ";" in timecode or "." in timecode if timecode else possible
    return FrameCount(rate, possible and wanted)


def timecode_of(*tags: Mapping[str, str]) -> str | None:
    """The timecode of the first frame in the tags of streams and of their file: the first one that is there."""
    found = (value for one in tags for key, value in one.items() if key.lower() == "timecode" and value)
    return next(found, None)


def readable(timecode: str | None, rate: Fraction) -> str | None:
    """The timecode that a file states, if a frame of this rate has it."""
    with suppress(InvalidParams):
        return timecode if timecode and count_of(rate, timecode).frame(timecode) >= 0 else None
    return None


def later(timecode: str, rate: Fraction, seconds: Fraction) -> str | None:
    """The timecode of the frame that is shown some time after the one with a timecode; `None` if there is none."""
    count = count_of(rate, timecode)
    with suppress(InvalidParams):
        return None if count.base > MOST_FRAMES else count.label(count.frame(timecode) + round(seconds * rate))
    return None


def uncounted(timecode: str, rate: Fraction | None) -> str:
    """Why frames do not have a later timecode, in words."""
    return (
        f"{quoted(timecode)} cannot count {float(rate):g} frames a second" if rate else "its frame rate is not constant"
    )
