"""The indexes of the videos that were read last, by the content of the files."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from avstudio_video.media.indexed import IndexedStream, index_stream

if TYPE_CHECKING:
    from avstudio_core import Artifact
    from avstudio_video.media.limits import Limits

MOST_FRAMES = 1_000_000
"""Frames in all kept indexes together: some 100 MB of memory."""


class KeptIndexes:
    """Reads the packets of a video once for several runs; those that were not used for the longest time are dropped."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int | None, Limits], IndexedStream] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, source: Artifact, wanted: int | None, limits: Limits, check: Callable[[], None]) -> IndexedStream:
        """The indexed stream of a video; raises the errors of `index_stream`, also again."""
        key = (source.sha256, wanted, limits)
        with self._guard:
            if found := self._kept.get(key):
                self._kept.move_to_end(key)
                return found
        found = index_stream(source.path, wanted, limits, check)
        self._keep(key, found)
        return found

    def _keep(self, key: tuple[str, int | None, Limits], found: IndexedStream) -> None:
        with self._guard:
            self._kept[key] = found
            while sum(len(one.index.shown) for one in self._kept.values()) > MOST_FRAMES and len(self._kept) > 1:
                self._kept.popitem(last=False)


KEPT = KeptIndexes()
"""The indexes of this process."""
