"""Tells plugins of events."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from avstudio_core.errors import AVStudioError
from avstudio_core.events import Event
from avstudio_core.tasks.events.event_filter import EventFilter


class Announcer:
    """A listener that calls `tell`, which must be fast, for each event of every studio on the folder."""

    wanted = EventFilter()

    def __init__(self, tell: Callable[[Event], object]) -> None:
        self._tell = tell

    def give(self, new: Sequence[Event], /) -> None:
        for event in new:
            self._tell(event)

    def end(self, error: AVStudioError | None = None, /) -> None:
        """Nothing waits for the end."""
