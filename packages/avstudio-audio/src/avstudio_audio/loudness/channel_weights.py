"""How much each channel counts in the loudness (ITU-R BS.1770-4, tables 3 and 4)."""

from __future__ import annotations

from collections.abc import Sequence

SURROUND = 1.41
"""For speakers at 60 to 120 degrees to the side, by ITU-R BS.1770-4; the ear perceives them as louder."""
SIDES = frozenset(["SL", "SR", "SDL", "SDR", "WL", "WR"])
BACKS = frozenset(["BL", "BR"])
"""Surround speakers, unless there are side speakers too: then they are further behind."""
EFFECTS = frozenset(["LFE", "LFE2"])
"""They do not count."""


def channel_weights(speakers: Sequence[str]) -> tuple[float, ...]:
    """The weights of channels by FFmpeg's names of their speakers; an unknown one has the weight of a front one.

    If there are only effects channels, they count.
    """
    if {*speakers} <= EFFECTS:
        return (1.0,) * len(speakers)
    surround = SIDES if SIDES & {*speakers} else BACKS
    return tuple(0.0 if one in EFFECTS else SURROUND if one in surround else 1.0 for one in speakers)
