"""Parts of a file, copied without decoding: they begin with key frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from avstudio_video.encoding.containers import CONTAINERS, VideoFormat
from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.muxer.inputs import lead_of
from avstudio_video.packets.compatibility import difference
from avstudio_video.packets.join import Join, JoinedPiece, Piece
from avstudio_video.packets.packet_file import packet_file
from avstudio_video.timeline.footage import Footage
from avstudio_video.timeline.parts import Part, Timeline
from avstudio_video.timeline.texts import TextFeed, TextTrack

EXACT = Fraction(1, 1000)
"""Seconds by which times may be off that were rounded."""
SHOWN = {"rotation": "rotation", "aspect": "shape of pixels"}
"""How the frames of a track are shown, and its name in messages."""


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
        return [number for number in _wanted(footage) if CONTAINERS[format].takes(container.streams[number])]


def _wanted(footage: Footage) -> list[int]:
    return [footage.stream.number, *(one.index for one in footage.sounds)]


def difference_of(files: Sequence[Footage], streams: Sequence[Sequence[int]], limits: Limits) -> str | None:
    """Why files cannot follow each other as they are, in words; `None` if they can."""
    first = files[0]
    for footage, numbers in zip(files[1:], streams[1:], strict=True):
        if len(numbers) != len(streams[0]):
            return f"'{footage.name}' has another number of tracks than '{first.name}'"
        for trait, name in SHOWN.items():
            if getattr(footage.stream, trait) != getattr(first.stream, trait):
                return f"'{footage.name}' cannot follow '{first.name}': its {name} is another one"
        with open_media(first.path, limits) as one, open_media(footage.path, limits) as other:
            pairs = zip(numbers, streams[0], strict=True)
            found = (difference(other.streams[number], one.streams[usual]) for number, usual in pairs)
            if text := next(filter(None, found), None):
                return f"'{footage.name}' cannot follow '{first.name}': {text}"
    return None


def pieces_of(parts: Sequence[Part], files: Sequence[Footage], streams: Sequence[Sequence[int]]) -> list[Piece]:
    """The parts as spans of packets; `streams` are those of each file."""
    return [
        Piece(files[part.source].path, streams[part.source], (_start(part, files[part.source]), float(part.end)))
        for part in parts
    ]


def _start(part: Part, footage: Footage) -> float:
    """Where the packets of a part begin; the start of a file is always found, also if it hides its first frames."""
    index = footage.stream.index
    late = part.frames.start > 0 or (footage.grid.start >= footage.grid.step / 2 and index.keys[:1] == index.shown[:1])
    return float(part.start) if late else 0.0


def shown_lead(part: Part, footage: Footage, format: VideoFormat, limits: Limits) -> Fraction:
    """The seconds that an edit list hides before the first part, and that a container without edit lists shows."""
    hidden = part.frames.start > 0 or CONTAINERS[format].edited
    return Fraction(0) if hidden else lead_of(footage.path, footage.stream.number, limits)


@dataclass(frozen=True)
class Copy:
    """What is written: pieces of files, one after the other, subtitles, chapters and tags."""

    pieces: Sequence[Piece]
    length: float
    """About how many seconds they have, for the progress."""
    tags: dict[str, str]
    chapters: list[Any]
    texts: Sequence[TextTrack] = ()
    timecode: str | None = None
    """Of the first frame."""

    def write(
        self, path: Path, format: VideoFormat, limits: Limits, progress: Callable[[float], None]
    ) -> list[JoinedPiece]:
        """Write all of it; where each piece really begins and ends. Raises `InvalidInput`, `StorageError`."""
        with packet_file(path, format) as file:
            file.container.metadata.update(self.tags)
            file.timecode = self.timecode
            if self.chapters:
                file.container.set_chapters(self.chapters)
            feeds: list[TextFeed] = []

            def written(time: Fraction) -> None:
                for feed in feeds:
                    feed.write(time)
                progress(min(1.0, float(time) / self.length))

            joined = Join(file, limits, written)
            joined.begin(self.pieces[0])
            feeds += [one.added(file.container, format) for one in self.texts]
            made = [joined.add(piece) for piece in self.pieces]
            for feed in feeds:
                feed.finish(joined.at)
            return made


def timeline_of(joined: Sequence[JoinedPiece]) -> Timeline:
    """What was written of files that follow each other as a whole."""
    spans = [(Fraction(one.begin), Fraction(one.end), Fraction(one.at)) for one in joined]
    return Timeline(tuple(Part(start, end, range(0), number, at) for number, (start, end, at) in enumerate(spans)))


def is_moved(wanted: Timeline, real: Timeline) -> bool:
    """Whether a part begins at another time than was expected."""
    pairs = zip(wanted.parts, real.parts, strict=True)
    return any(max(abs(one.at - other.at), abs(one.start - other.start)) > EXACT for one, other in pairs)


def really(joined: Sequence[JoinedPiece], footage: Footage) -> Timeline:
    """The timeline of what was written; frames that a container cannot hide are before a part."""
    found, at = list[Part](), Fraction(0)
    for one in joined:
        for part in footage.grid.parts([(one.begin, one.end)]):
            ahead = part.start - Fraction(one.begin)
            at += ahead if part.frames.start == 0 and ahead >= footage.grid.step / 2 else 0
            found.append(replace(part, at=at))
            at += part.length
    return Timeline(tuple(found))
