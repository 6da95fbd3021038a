"""An event that lasts for some time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventSpan:
    """Half-open, in units of the stream's time base; `end` is `None` up to the end of the video."""

    start: int
    end: int | None

    def length(self, end: int) -> int:
        """Its length, for a video that ends at `end`."""
        return (end if self.end is None else self.end) - self.start
