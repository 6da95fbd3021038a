"""The warnings about files that are cut short or have no times, and about what a format cannot store of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from avstudio_video.media.index import USUAL_RATE

if TYPE_CHECKING:
    from avstudio_video.media.index import PacketIndex

GAP = 0.05
"""Seconds by which sound may be late without a gap: containers round their times."""
SHORT = 1.0
"""A file is cut short if it ends so many seconds before the end that its header states."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known about the end of a file, or of a part of it."""

    end: float = 0.0
    """In seconds."""
    stated: float = 0.0
    """As the header states it; 0 if it does not."""
    missing: str | None = None
    """What `cut_short` found."""
    index: PacketIndex | None = None
    """The frames of its picture."""
    slack: float = SHORT
    """Seconds that may be missing."""
    what: str = "it"
    """The part that ends."""

    def tell(self, name: object, warn: Callable[[str, str], None]) -> bool:
        """Warn with `truncated` if frames, seconds or bytes of the file `name` are missing; whether it did."""
        index = self.index
        if index and index.packets < index.stated:
            warn("truncated", f"'{name}' has {index.packets} of the {index.stated} frames that its header states.")
            return True
        missing = self.missing
        if self.end + self.slack < self.stated:
            missing = f"{self.what} ends after {self.end:.2f} s of {self.stated:.2f} s"
        if missing:
            warn("truncated", f"'{name}' is cut short: {missing}.")
        return bool(missing)


def tell_lost(name: object, index: PacketIndex, warn: Callable[[str, str], None]) -> None:
    """Warn with `damaged` or `gaps` about packets that are corrupt, at the time of others, or missing in between."""
    if index.corrupt:
        warn("damaged", f"'{name}' is damaged: {index.corrupt} packets are corrupt.")
    if index.repeated:
        warn("damaged", f"'{name}' is damaged: {index.repeated} frames have the times of others, and are left out.")
    holes = index.holes if index.packets >= index.stated else []
    if holes:
        longest = float(max(holes) * index.unit)
        warn("gaps", f"'{name}' has {len(holes)} gaps between frames of a steady rate, of up to {longest:.2f} s.")


def tell_lead(name: str, format: str, lead: Fraction, warn: Callable[[str, str], None]) -> None:
    """Warn with `lead_in_shown` about a format that cannot hide frames."""
    message = f"'{format}' cannot hide what the edit list of '{name}' hides:"
    warn("lead_in_shown", f"{message} the video begins with {float(lead):.2f} s more.")


def tell_opaque(name: str, format: str, warn: Callable[[str, str], None]) -> None:
    """Warn with `detail_reduced` about a format that copies a picture without its transparency."""
    warn("detail_reduced", f"'{format}' does not store the transparency of '{name}'.")


def tell_timecode(name: str, reason: str, warn: Callable[[str, str], None]) -> None:
    """Warn with `timecode_left_out`."""
    warn("timecode_left_out", f"The timecode of '{name}' is left out: {reason}.")


def tell_guessed(name: object, index: PacketIndex, rate: Fraction | None, warn: Callable[[str, str], None]) -> None:
    """Warn with `times_guessed` if a file has no time stamps."""
    if index.guessed:
        warn("times_guessed", f"'{name}' has no times: they follow the rate of {rate or USUAL_RATE}.")
