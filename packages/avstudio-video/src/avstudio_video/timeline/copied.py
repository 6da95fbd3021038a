"""Parts of a file, copied without decoding: they begin with key frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.packets.formats import FORMATS, VideoFormat
from avstudio_video.packets.join import JoinedPiece, Piece, join
from avstudio_video.packets.packet_file import packet_file
from avstudio_video.timeline.footage import Footage
from avstudio_video.timeline.parts import Part, Timeline


def from_keys(parts: Sequence[Part], footage: Footage) -> list[Part]:
    """The parts, each from the key frame before it on; those that then touch become one."""
    index, grid = footage.stream.index, footage.grid
    keys = sorted({index.number_at(stamp) for stamp in index.keys})
    found: list[Part] = []
    for part in parts:
        low = max((key for key in keys if key <= part.frames.start), default=0)
        if found and low <= found[-1].frames.stop:
            low = found.pop().frames.start
        found.append(grid.part(low, part.frames.stop))
    return found


def copyable(footage: Footage, format: VideoFormat, limits: Limits) -> list[int]:
    """The numbers of the picture and of the audio streams that a container takes as they are."""
    with open_media(footage.path, limits) as container:
        return [number for number in _wanted(footage) if FORMATS[format].takes(container.streams[number])]


def _wanted(footage: Footage) -> list[int]:
    return [footage.stream.number, *(one.index for one in footage.sounds)]


@dataclass(frozen=True)
class Copy:
    """What is written: parts of some streams of a file, chapters and tags."""

    timeline: Timeline
    footage: Footage
    streams: Sequence[int]
    tags: dict[str, str]
    chapters: list[Any]

    def write(
        self, path: Path, format: VideoFormat, limits: Limits, progress: Callable[[float], None]
    ) -> list[JoinedPiece]:
        """Write all of it; where each part really begins and ends. Raises `InvalidInput`, `StorageError`."""
        spans = [(float(part.start), float(part.end)) for part in self.timeline.parts]
        pieces = [Piece(self.footage.path, self.streams, span) for span in spans]
        with packet_file(path, format) as file:
            file.container.metadata.update(self.tags)
            if self.chapters:
                file.container.set_chapters(self.chapters)
            whole = float(self.timeline.length)
            return join(file, pieces, limits, lambda seconds: progress(min(1.0, seconds / whole)))


def really(joined: Sequence[JoinedPiece], footage: Footage) -> Timeline:
    """The timeline of what was written."""
    parts = [part for one in joined for part in footage.grid.parts([(one.begin, one.end)])]
    return Timeline.joined(parts)
