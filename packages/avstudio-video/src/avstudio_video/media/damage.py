"""The warnings about files that are cut short or have no times."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from avstudio_video.media.index import USUAL_RATE

if TYPE_CHECKING:
    from avstudio_video.media.index import PacketIndex

GAP = 0.05
"""Seconds by which sound may be late without a gap: containers round their times."""
SHORT = 1.0
"""A file is cut short if it ends so many seconds before the end that its header states."""


def tell_short(
    name: object,
    end: float,
    stated: float,
    warn: Callable[[str, str], None],
    slack: float = SHORT,
    *,
    what: str = "it",
) -> None:
    """Warn with `truncated` if a file, or `what` of it, ends too early; `stated` is 0 if the end is not known."""
    if end + slack < stated:
        warn("truncated", f"'{name}' is cut short: {what} ends after {end:.2f} s of {stated:.2f} s.")


def tell_lost(name: object, index: PacketIndex, warn: Callable[[str, str], None]) -> None:
    """Warn with `damaged`, `truncated` or `gaps` about packets that are corrupt, missing, missing in between, or at the
    time of others.
    """
    if index.corrupt:
        warn("damaged", f"'{name}' is damaged: {index.corrupt} packets are corrupt.")
    if index.repeated:
        warn("damaged", f"'{name}' is damaged: {index.repeated} frames have the times of others, and are left out.")
    if index.packets < index.stated:
        warn("truncated", f"'{name}' has {index.packets} of the {index.stated} frames that its header states.")
    elif holes := index.holes:
        longest = float(max(holes) * index.unit)
        warn("gaps", f"'{name}' has {len(holes)} gaps between frames of a steady rate, of up to {longest:.2f} s.")


def tell_lead(name: str, format: str, lead: Fraction, warn: Callable[[str, str], None]) -> None:
    """Warn with `lead_in_shown` about a format that cannot hide frames."""
    message = f"'{format}' cannot hide what the edit list of '{name}' hides:"
    warn("lead_in_shown", f"{message} the video begins with {float(lead):.2f} s more.")


def tell_timecode(name: str, reason: str, warn: Callable[[str, str], None]) -> None:
    """Warn with `timecode_left_out`."""
    warn("timecode_left_out", f"The timecode of '{name}' is left out: {reason}.")


def tell_guessed(name: object, index: PacketIndex, rate: Fraction | None, warn: Callable[[str, str], None]) -> None:
    """Warn with `times_guessed` if a file has no time stamps."""
    if index.guessed:
        warn("times_guessed", f"'{name}' has no times: they follow the rate of {rate or USUAL_RATE}.")
