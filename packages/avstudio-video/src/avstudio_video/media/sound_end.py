"""The end of the sound of a file, as its packets have it: its header may be wrong about it, or not state it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_video.media.container import open_media
from avstudio_video.media.damage import Ending
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import origin_of, stated_end

if TYPE_CHECKING:
    from av.container import InputContainer

LEAD = 1.0
"""Seconds before the end of the picture at which reading begins."""


@dataclass(frozen=True, slots=True)
class SoundEnd:
    """When the sound of a stream ends, in seconds from the start of its file."""

    real: float
    stated: float
    """As the file states it; 0 if it does not."""

    def tell_short(self, name: str, picture: float, warn: Callable[[str, str], None]) -> None:
        """Warn with `truncated` about sound that ends before the picture, which ends at a time, and should not."""
        Ending(self.real, min(self.stated, picture), what="its sound").tell(name, warn)


def sound_ends(path: Path, numbers: Sequence[int], picture: float, limits: Limits) -> dict[int, SoundEnd]:
    """The ends of audio streams, by their number; `picture` is that of the picture, near which they are looked for."""
    import av

    with open_media(path, limits) as container:
        origin = origin_of(container)
        stated = {number: stated_end(container.streams[number], origin) for number in numbers}
        if picture > LEAD:
            with suppress(av.FFmpegError, OSError):
                container.seek(round((float(origin) + picture - LEAD) * 1_000_000))
        real = _ends(container, numbers)
    if missing := [number for number in numbers if number not in real]:
        with open_media(path, limits) as container:
            real |= _ends(container, missing)
    return {number: SoundEnd(real.get(number, 0.0), stated[number]) for number in numbers}


def _ends(container: InputContainer, numbers: Sequence[int]) -> dict[int, float]:
    """The ends of the last packets from here on."""
    import av

    origin, found = float(origin_of(container)), dict[int, float]()
    with suppress(av.FFmpegError, OSError, IndexError):
        for packet in container.demux([container.streams[number] for number in numbers]):
            if packet.size and packet.pts is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base) - origin
                found[packet.stream_index] = max(end, found.get(packet.stream_index, end))
    return found
