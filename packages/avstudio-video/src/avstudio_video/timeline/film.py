"""A timeline, decoded and written as a new file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import UnreadableMedia
from avstudio_video.encoding.containers import ContainerName
from avstudio_video.encoding.overload import Overload
from avstudio_video.encoding.sound_codecs import SoundEncoder
from avstudio_video.encoding.sound_track import SoundEncoding, SoundTrack
from avstudio_video.encoding.video_track import VideoEncoding
from avstudio_video.encoding.writer import Writer, open_writer
from avstudio_video.media.limits import Limits
from avstudio_video.timeline.canvas import Canvas
from avstudio_video.timeline.film_format import canvas_of
from avstudio_video.timeline.footage import Footage
from avstudio_video.timeline.parts import Timeline
from avstudio_video.timeline.pictures import Pictures
from avstudio_video.timeline.sound import TimelineSound
from avstudio_video.timeline.texts import TextTrack

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


@dataclass(frozen=True)
class FilmTrack:
    """One track of sound of a new file."""

    sound: TimelineSound
    encoder: SoundEncoder
    tags: dict[str, str]
    uses: Sequence[str]
    """Its uses, as `video.probe` names them: `default`, `forced` and others."""

    def added(self, writer: Writer) -> SoundTrack:
        """The track of a file."""
        track = writer.add_sound(SoundEncoding(self.encoder, self.sound.rate, self.sound.layout))
        track.metadata.update(self.tags)
        track.use(self.uses)
        return track


@dataclass
class Film:
    """What is written: pictures, tracks of sound, subtitles, chapters and tags."""

    timeline: Timeline
    footage: Sequence[Footage]
    tracks: Sequence[FilmTrack]
    texts: Sequence[TextTrack]
    encoding: VideoEncoding
    chapters: list[dict[str, Any]]
    limits: Limits
    progress: Callable[[float], None]
    """Called with the finished part; an exception of it stops the work."""
    pictures: Pictures = field(init=False)
    overloads: list[Overload] = field(default_factory=list)
    """What the file cannot store of each track of sound."""
    done: float = 0.0
    """The finished part."""

    @cached_property
    def canvas(self) -> Canvas:
        """The shape of all pictures: that of the first file."""
        return canvas_of(self.footage, self.encoding, self.limits)

    def write(self, path: Path, name: ContainerName) -> None:
        """Write all of it. Raises `StorageError`, `InvalidInput` and `UnreadableMedia`."""
        self.pictures = Pictures(
            self.timeline, self.footage, self.canvas, self.limits, lambda: self.progress(self.done)
        )
        frames = self.pictures.frames()
        first = next(frames, None)
        if first is None:
            raise UnreadableMedia(f"No frame of '{self.footage[0].name}' that is kept can be decoded.")
        with ExitStack() as files, open_writer(path, name, tags=self.footage[0].tags, chapters=self.chapters) as writer:
            for track in self.tracks:
                files.callback(track.sound.close)
            self._write(writer, chain([first], frames))

    def _write(self, writer: Writer, frames: Iterable[tuple[Fraction, VideoFrame]]) -> None:
        """Write pictures and sound side by side, since the writer keeps what comes too early in memory."""
        end, video = self.timeline.length, writer.add_video(self.encoding, self.canvas.shape)
        video.metadata.update(self.footage[0].picture.labels)
        if code := self.footage[0].timecode(self.timeline.parts[0].start):
            video.metadata["timecode"] = code
        sounds = [Sounding(track.added(writer), track.sound.blocks(), track.sound.rate) for track in self.tracks]
        feeds = [one.added(writer.container, writer.name) for one in self.texts]
        for time, frame in frames:
            self.done = float(time / end)
            for sound in sounds:
                sound.write(time)
            for feed in feeds:
                feed.write(time)
            video.write(frame, time)
        video.finish(end)
        for feed in feeds:
            feed.finish(end)
        for sound in sounds:
            sound.write(end)
            sound.track.finish()
        self.overloads = [sound.track.overload for sound in sounds]


@dataclass
class Sounding:
    """A track that is written as far as the picture is."""

    track: SoundTrack
    blocks: Iterator[Samples]
    rate: int
    samples: int = 0

    def write(self, until: Fraction) -> None:
        """Write what begins before a time."""
        while Fraction(self.samples, self.rate) < until and (block := next(self.blocks, None)) is not None:
            self.track.write(block)
            self.samples += block.shape[1]
