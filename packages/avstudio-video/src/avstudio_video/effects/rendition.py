"""A chain of effects applied to a file: each frame and each sample goes through all of them, and is written once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from avstudio_core.errors import InvalidInput
from avstudio_video.effects.colours import Tonemap, is_hdr
from avstudio_video.effects.effect import Effect
from avstudio_video.effects.geometry import Crop, Pad
from avstudio_video.effects.materials import Materials
from avstudio_video.effects.source import PictureSource, SoundSource
from avstudio_video.effects.streams import Blocks, Clip, Frames, Heard, Shown, SoundShape, on_grid
from avstudio_video.effects.times import Reverse
from avstudio_video.encoding.containers import ContainerName, VideoCodec
from avstudio_video.encoding.encoder_choice import chosen_encoder
from avstudio_video.encoding.sound_track import SoundEncoding, SoundTrack
from avstudio_video.encoding.video_codecs import EVEN
from avstudio_video.encoding.video_track import VideoEncoding, VideoTrack
from avstudio_video.encoding.writer import open_writer
from avstudio_video.media.limits import Limits

if TYPE_CHECKING:
    from av.container import OutputContainer

MOST_AHEAD = 4
"""Effects of a chain that look ahead: each doubles the work of all before it."""


class Feed(Protocol):
    """A track that is written as far as the picture is."""

    def write(self, until: Fraction) -> None:
        """Write what begins before a time in seconds."""
        ...

    def finish(self, end: Fraction) -> None:
        """Write the rest, up to the end of the picture."""
        ...


@dataclass(frozen=True)
class Output:
    """The file to write."""

    path: Path
    container: ContainerName
    video: VideoEncoding
    sound: Callable[[SoundShape], SoundEncoding] | None
    """How sound is encoded; `None` for a file without sound."""
    tags: dict[str, str] = field(default_factory=dict)
    chapters: Sequence[Any] = ()
    """Of the source, as PyAV gives them, from the start of the file."""
    labels: dict[str, str] = field(default_factory=dict)
    """The tags of the picture, such as the timecode of the first frame that is written."""
    others: Sequence[Callable[[OutputContainer], Feed]] = ()
    """Each adds another track to the file, which is written beside the picture."""


class Rendition:
    """One run of a chain."""

    def __init__(
        self, effects: Sequence[Effect], picture: PictureSource, sound: SoundSource | None, materials: Materials
    ) -> None:
        """Raises `InvalidInput` for effects that this video cannot have."""
        self.picture, self._sound, self._materials = picture, sound, materials
        self.effects = [one for one in effects if one.enabled]
        ahead = [one.type for one in self.effects if one.looks_ahead]
        if len(ahead) > MOST_AHEAD:
            message = f"The chain has {len(ahead)} effects that compute all before them once more: {', '.join(ahead)}."
            raise InvalidInput(message, hint=f"Give 'stabilize' and 'audio loudness' at most {MOST_AHEAD} times.")
        self.clips = [picture.clip]
        for effect in self.effects:
            self.clips.append(_bounded(effect, effect.after(self.clips[-1]), picture.limits))
        self.encoder = self.pixels = ""
        """The encoder, and the pixel format that it got."""
        self.written, self.longest = 0, 0.0
        """The number of frames that were written, and the longest of them in seconds."""
        self.end = Fraction(0)
        """The length of the file in seconds."""
        self.sound: SoundShape | None = None
        """The sound that was written."""

    @property
    def clip(self) -> Clip:
        """What the whole chain makes."""
        return self.clips[-1]

    def add(self, effect: Effect) -> None:
        """Add an effect that the output needs."""
        self.effects.append(effect)
        self.clips.append(effect.after(self.clip))

    def make_even(self, codec: VideoCodec) -> bool:
        """Cut or add a row or a column if the codec needs it; whether it did."""
        given = self.clip.width, self.clip.height
        width, height = (max(side // 2 * 2, 2) for side in given)
        if codec not in EVEN or (width, height) == given:
            return False
        if min(given) < 2:
            self.add(Pad(width=width, height=height))
        self.add(Crop(width=width, height=height, anchor="top_left"))
        return True

    def make_sdr(self, encoding: VideoEncoding) -> bool:
        """Convert HDR for an encoder whose pictures have 8 bits; whether it did."""
        size = self.clip.width, self.clip.height
        dull = is_hdr(self.clip) and not chosen_encoder(encoding.codec, encoding.encoder, size).is_deep
        if dull:
            self.add(Tonemap())
        return dull

    def write(self, output: Output, progress: Callable[[float], None]) -> None:
        """Write the file. Raises `InvalidInput`, `StorageError`."""
        chapters = [] if self.is_reversed else self._chapters(output.chapters)
        with open_writer(output.path, output.container, tags=output.tags, chapters=chapters) as writer:
            clip = self.clip
            video = writer.add_video(output.video, clip)
            self.encoder, self.pixels = video.encoder.name, video.format
            video.metadata.update(output.labels)
            sound: list[SoundFeed] = []
            if self._sound and output.sound:
                shape = self.sound = self._sound.shape(clip)
                track = writer.add_sound(output.sound(shape))
                track.metadata.update(self._sound.tags)
                track.use(self._sound.uses)
                sound.append(SoundFeed(self._heard(shape), track, shape))
            self._write(video, [*sound, *(add(writer.container) for add in output.others)], progress)
            for feed in sound:
                feed.track.overload.tell(output.path.name, self._materials.warn)

    def _write(self, video: VideoTrack, feeds: Sequence[Feed], progress: Callable[[float], None]) -> None:
        for shown in self.frames():
            video.write(shown.frame, shown.start)
            self.end, self.longest = shown.end, max(self.longest, float(shown.end - shown.start))
            for feed in feeds:
                feed.write(self.end)
            progress(min(1.0, float(self.end / self.clip.length)))
        video.finish(self.end)
        self.written = video.frames
        for feed in feeds:
            feed.finish(self.end)

    @property
    def keeps_pace(self) -> bool:
        """Whether frames follow each other as in the source."""
        return self.clip.pace == 1 and self.clip.rate == self.picture.rate and not self.is_reversed

    @property
    def is_reversed(self) -> bool:
        """Whether it runs backwards, at least in part."""
        return any(isinstance(one, Reverse) for one in self.effects)

    @property
    def _span(self) -> tuple[Fraction, Fraction]:
        """The part of the source that comes through the whole chain; nothing else is decoded."""
        return self.clip.since, self.clip.until

    def frames(self) -> Iterator[Shown]:
        """The frames after all effects, at the rate of the clip if it is constant."""
        return on_grid(self.shown(), self.clip.rate) if self.clip.rate else self.shown()

    def shown(self) -> Iterator[Shown]:
        """The frames after all effects, each at its own time."""
        made: Frames = partial(self.picture.frames, *self._span)
        for effect, clip in zip(self.effects, self.clips, strict=False):
            made = partial(effect.pictures, made, clip, self._materials)
        for one in made():
            self._materials.check()
            yield one

    def _heard(self, shape: SoundShape) -> Iterator[Heard]:
        """The sound after all effects."""
        assert self._sound
        blocks: Blocks = partial(self._sound.blocks, *map(float, self._span))
        for effect, clip in zip(self.effects, self.clips, strict=False):
            blocks = partial(effect.sound, blocks, replace(shape, clip=clip), self._materials)
        return blocks()

    def _chapters(self, chapters: Sequence[Any]) -> list[dict[str, Any]]:
        """The chapters of the source at their new times."""
        found: list[dict[str, Any]] = []
        clip, origin = self.clip, self.picture.stream.origin
        for one in chapters:
            times = [one[key] * Fraction(one["time_base"]) - origin for key in ("start", "end")]
            first, last = (min(max(time, clip.since), clip.until) for time in times)
            if first < last:
                start, end = (round((time - clip.since) / clip.pace * 1000) for time in (first, last))
                metadata = dict(one.get("metadata", {}))
                found.append(
                    {"id": len(found), "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": metadata}
                )
        return found


def _bounded(effect: Effect, clip: Clip, limits: Limits) -> Clip:
    """What an effect makes. Raises `InvalidInput` for a video that may not be that large or that long."""
    if clip.width * clip.height > limits.pixels:
        message = f"The effect '{effect.type}' would make frames of {clip.width}x{clip.height} pixels."
        raise InvalidInput(message, hint="Make them smaller, or allow more with the setting 'frame_pixels'.")
    if 0 < limits.seconds < clip.length:
        message = f"The effect '{effect.type}' would make {float(clip.length):.6g} s of video."
        raise InvalidInput(message, hint="Trim it first, or allow more with the setting 'media_seconds'.")
    return clip


class SoundFeed:
    """Writes sound up to the time of the picture; what is missing at the end is silence."""

    def __init__(self, blocks: Iterator[Heard], track: SoundTrack, shape: SoundShape) -> None:
        self._blocks, self.track, self._shape = blocks, track, shape
        self._rest: Heard | None = None
        self._written = 0

    def write(self, until: Fraction) -> None:
        """Write the sound up to a time in seconds."""
        wanted = round(until * self._shape.rate)
        while self._written < wanted:
            block = self._rest or next(self._blocks, None)
            if block is None:
                return
            count = min(block.samples.shape[1], wanted - self._written)
            self.track.write(block.samples[:, :count])
            self._written += count
            self._rest = block.part(count, block.samples.shape[1]) if count < block.samples.shape[1] else None

    def finish(self, end: Fraction) -> None:
        """Write the rest, up to the end of the picture."""
        import numpy as np

        self.write(end)
        missing = round(end * self._shape.rate) - self._written
        if missing > 0:
            self.track.write(np.zeros((self._shape.channels, missing), np.float32))
        self.track.finish()
