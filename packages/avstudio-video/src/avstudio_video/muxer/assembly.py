"""All that goes into a new file, and the pass that writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from avstudio_core.errors import InvalidInput
from avstudio_video.encoding.containers import VideoFormat
from avstudio_video.muxer.chapters import Chapter, for_file
from avstudio_video.muxer.cover import Cover, CoverTrack
from avstudio_video.muxer.inputs import MuxInput, Wanted
from avstudio_video.muxer.muxer import Muxed, Muxer, Sound
from avstudio_video.muxer.picture import PictureEncoding
from avstudio_video.packets.packet_file import PacketFile, packet_file

CHECK = "Check its times and its offset, and the length of the video."
UNKNOWN = "application/octet-stream"


@dataclass
class Assembly:
    """The parts of a new file; the first input is the video."""

    format: VideoFormat
    inputs: Sequence[MuxInput]
    wanted: Sequence[Wanted]
    """The tracks, in the order of the new file."""
    chapters: Sequence[Chapter] = ()
    cover: Cover | None = None
    attachments: Sequence[Any] = ()
    """Streams with files, such as fonts."""
    tags: Mapping[str, str] = field(default_factory=dict)
    sound_codec: Sound = "auto"
    picture: PictureEncoding | None = None
    """How pictures are encoded; `None` copies those that the container takes."""
    end: Fraction | None = None
    """Where the file is cut, in its own times."""
    duration: Fraction = Fraction(0)
    """The expected length, for the progress."""
    tracks: list[Muxed] = field(default_factory=list)
    """What was made of `wanted`."""

    def write(self, path: Path, progress: Callable[[float], None]) -> None:
        """Write the file; `progress` is called with the finished part. Raises `InvalidInput`, `StorageError`."""
        with packet_file(path, self.format) as file:
            muxer = Muxer(file, self.sound_codec, self.picture, self.end)
            for one in self.wanted:
                muxer.add(one)
            self._describe(file)
            cover = CoverTrack(file, self.cover) if self.cover else None
            if cover:
                cover.write()
            whole = self.end or self.duration
            muxer.write(self.inputs, lambda time: progress(min(1.0, float(time / whole)) if whole else 0.0))
        self.tracks = muxer.tracks
        self._refuse_empty()

    def _refuse_empty(self) -> None:
        for track in self.tracks:
            ended = track.wanted.kind == "video" and self.end is not None  # before the first picture
            if track.empty and (track.wanted.labels is not None or ended):
                raise InvalidInput(f"Nothing of '{track.wanted.input.name}' is within the new file.", hint=CHECK)

    def _describe(self, file: PacketFile) -> None:
        """Write what is about the whole file."""
        file.container.metadata.update(self.tags)
        if self.chapters:
            file.container.set_chapters(for_file(self.chapters, self.inputs[0].shift))
        for one in self.attachments:
            file.container.add_attachment(one.metadata.get("filename", "file"), one.mimetype or UNKNOWN, one.data)
