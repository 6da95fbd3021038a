"""The pictures and the sound of a file as effects take them: upright, with square pixels, without gaps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_video.effects.geometry import turned
from avstudio_video.effects.streams import Clip, Heard, Shown, SoundShape
from avstudio_video.effects.wires import Pin, Wires, filtered
from avstudio_video.encoding.colour_tags import ColourTags
from avstudio_video.encoding.pixel_formats import MOST_BITS, PLANAR, closest
from avstudio_video.frames.pyav_reader import PyAVReader
from avstudio_video.frames.reader import Source
from avstudio_video.media.container import open_media
from avstudio_video.media.depth import bits_of
from avstudio_video.media.first_frame import first_frame
from avstudio_video.media.indexed import IndexedStream
from avstudio_video.media.limits import Limits
from avstudio_video.media.planes import is_transparent
from avstudio_video.media.streams import display_size, origin_of, square_size, uses_of
from avstudio_video.media.tags import stream_tags
from avstudio_video.sound.decoded_track import DecodedTrack

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

LEAD = 1.0
"""Seconds before the first sound at which reading begins, because decoders start with silence."""
LONGEST_LEAD = Fraction(1, 2)
"""Seconds by which a picture may begin late without being shown from the start of the file on."""
RATE_OFF = 0.02
"""By which part the rate of a file may differ from that of its frames."""


@dataclass
class PictureSource:
    """The frames of a video stream."""

    path: Path
    stream: IndexedStream
    limits: Limits
    check: Callable[[], None]
    corrupt: int = 0
    """Frames that the decoder found damaged."""
    missing: int = 0
    """Frames that cannot be decoded; those before them are shown longer."""
    transparent: bool = False
    """Whether a frame has a pixel that is not opaque."""
    resized: int = 0
    """Frames that have another size than the first one."""
    late: int = 0
    """Frames whose times are not after those of the frames before them."""
    first: VideoFrame = field(init=False)

    def __post_init__(self) -> None:
        found = first_frame(self.path, self.stream.number, self.limits)
        assert found is not None  # an indexed stream has one
        self.first = found

    @property
    def rate(self) -> Fraction | None:
        """Frames per second; `None` if they have different lengths."""
        index = self.stream.index
        if index.variable or len(index.shown) < 2:
            return self.stream.rate if len(index.shown) < 2 else None
        rate = self.stream.rate or 0
        mean = (len(index.shown) - 1) / ((index.shown[-1] - index.shown[0]) * index.unit)
        return Fraction(rate) if rate and abs(float(mean / rate) - 1) < RATE_OFF else mean.limit_denominator(1001)

    @cached_property
    def lead(self) -> Fraction:
        """How many seconds after the start of the file the picture begins; 0 if it is shown from there on."""
        return self.stream.start if 0 < self.stream.start <= LONGEST_LEAD else Fraction(0)

    @cached_property
    def clip(self) -> Clip:
        """What the effects get."""
        first, stream = self.first, self.stream
        width, height = display_size(*square_size(first.width, first.height, stream.aspect), stream.rotation)
        tags = ColourTags.of(first)
        pixels = closest(PLANAR, first.format.name)
        clip = Clip(
            width, height, self.rate, tags=tags, pixels=pixels, notes=stream.notes, since=self.lead, until=self._end
        )
        return replace(clip, tags=replace(tags, matrix=clip.matrix))

    def frames(self, low: Fraction, high: Fraction) -> Iterator[Shown]:
        """The frames that are on the screen between two times; a late first one from the start of the file on."""
        self.corrupt = self.resized = self.late = 0
        return filtered(self._stored(low, high), self._as_stored, self.clip, self._wire, self._planar)

    @property
    def _planar(self) -> str:
        return self.first.format.name.replace("yuvj", "yuv")

    @property
    def _as_stored(self) -> Clip:
        return replace(self.clip, width=self.first.width, height=self.first.height)

    def _wire(self, wires: Wires) -> Pin:
        """Make pictures upright, with square pixels."""
        pin, stream, first = wires.source, self.stream, self.first
        square = square_size(first.width, first.height, stream.aspect)
        if square != (first.width, first.height):
            pin = wires.add("scale", pin, w=square[0], h=square[1], flags="bicubic+accurate_rnd")
        return wires.add("setsar", turned(wires, pin, -stream.rotation % 360), sar="1")

    def tell(self, name: str, warn: Callable[[str, str], None]) -> None:
        """Warn about what was found in the frames that were read, and what is not kept of them."""
        if self.corrupt:
            warn("damaged", f"'{name}' is damaged: {self.corrupt} frames.")
        if self.missing:
            message = f"{self.missing} frames of '{name}' cannot be decoded; those before them are shown longer."
            warn("frames_missing", message)
        if self.late:
            warn(
                "damaged", f"{self.late} frames of '{name}' do not come in the order of their times, and are left out."
            )
        if self.resized:
            message = f"{self.resized} frames of '{name}' have another size, and are scaled to that of the first."
            warn("size_changed", message)
        given = self.first.format
        if any(one.bits > MOST_BITS for one in given.components):
            message = f"The picture of '{name}' is {given.name}, and is decoded as {self.clip.pixels}."
            warn("detail_reduced", message)
        if self.transparent:
            message = f"The picture of '{name}' is transparent in places, and becomes opaque."
            warn("detail_reduced", message)

    def _stored(self, low: Fraction, high: Fraction) -> Iterator[Shown]:
        index, span = self.stream.index, (low, high)
        stamps = [one for one in index.shown if self._ends(one) > span[0] and self._begins(one) < span[1]]
        place = Source(self.path, self.stream.number, self.stream.video_number, index, self.limits, self.check)
        waiting: deque[VideoFrame] = deque()
        missing = len(stamps)
        start = self._begins(stamps[0]) if stamps else Fraction(0)
        for picture in PyAVReader(place).read(stamps):
            self.corrupt += picture.corrupt
            self.transparent = self.transparent or is_transparent(picture.frame)
            missing -= 1
            begins = self._begins(picture.stamp)
            if waiting and begins > start:
                yield Shown(waiting.popleft(), start - self.lead, begins - self.lead, start, begins)
                start = begins
            elif waiting:
                self.late += 1
            waiting = deque([self._alike(picture.frame)])
        self.missing = missing
        if waiting:
            end = self._ends(stamps[-1])
            yield Shown(waiting.popleft(), start - self.lead, end - self.lead, start, end)

    def _alike(self, frame: VideoFrame) -> VideoFrame:
        """The frame with the size and the format of the first one."""
        first = self.first
        if (frame.width, frame.height) != (first.width, first.height):
            self.resized += 1
            return frame.reformat(first.width, first.height, self._planar)
        return (
            frame
            if frame.format.name == self._planar
            else frame.reformat(format=self._planar, dst_color_range=self.clip.tags.range)
        )

    def _begins(self, stamp: int) -> Fraction:
        if stamp == self.stream.index.shown[0]:
            return self.lead
        return stamp * self.stream.index.unit - (0 if self.stream.index.guessed else self.stream.origin)

    def _ends(self, stamp: int) -> Fraction:
        shown = self.stream.index.shown
        number = self.stream.index.number_at(stamp) + 1
        return self._begins(shown[number]) if number < len(shown) else self._end

    @property
    def _end(self) -> Fraction:
        index = self.stream.index
        return index.end * index.unit - (0 if index.guessed else self.stream.origin)


@dataclass
class SoundSource:
    """The sound of one track of a file."""

    path: Path
    number: int
    """Of the stream among all of the file."""
    limits: Limits
    check: Callable[[], None]
    lost: int = 0
    """Packets that could not be decoded."""
    silent: float = 0.0
    """Seconds of silence in place of gaps in the file."""

    def shape(self, clip: Clip) -> SoundShape:
        """What its samples are."""
        with open_media(self.path, self.limits) as container:
            codec: Any = container.streams[self.number].codec_context
            layout = codec.layout
            return SoundShape(codec.sample_rate, layout.name, layout.nb_channels, clip, bits_of(codec))

    @property
    def tags(self) -> dict[str, str]:
        """Its language and its title."""
        with open_media(self.path, self.limits) as container:
            return stream_tags(container.streams[self.number].metadata)

    @property
    def uses(self) -> list[str]:
        """Its uses, by FFmpeg's names: `default`, `forced` and others."""
        with open_media(self.path, self.limits) as container:
            return uses_of(int(container.streams[self.number].disposition))

    def blocks(self, low: float, high: float) -> Iterator[Heard]:
        """The sound between two times, after silence if it begins later."""
        import numpy as np

        with open_media(self.path, self.limits) as container:
            stream: Any = container.streams[self.number]
            track = DecodedTrack(stream, origin_of(container))
            rate, done = track.rate, round(low * track.rate)
            for begin, samples in self._decoded(container, stream, track, low):
                self.lost, self.silent = track.lost, track.silent / rate
                if begin > done:
                    gap = min(begin, round(min(high, begin / rate) * rate)) - done
                    for start in range(done, done + gap, rate):  # a second each, because a gap may last for hours
                        silence = np.zeros((samples.shape[0], min(rate, done + gap - start)), np.float32)
                        yield from _heard(start, silence, rate)
                    done += gap
                inside = samples[:, max(done - begin, 0) :]
                if high < 1e9:
                    inside = inside[:, : max(round(high * rate) - done, 0)]
                yield from _heard(done, inside, rate)
                done += inside.shape[1]
                if done >= high * rate:
                    break

    def _decoded(self, container: Any, stream: Any, track: DecodedTrack, low: float) -> Iterator[Any]:
        import av

        if low > LEAD:
            with suppress(av.FFmpegError, OSError):
                container.seek(round((float(origin_of(container)) + low - LEAD) * 1_000_000))
        with suppress(av.FFmpegError, OSError, IndexError):
            for packet in container.demux(stream):
                self.check()
                if packet.size:
                    yield from track.feed(packet)
        yield from track.feed(None)


def _heard(begin: int, samples: Any, rate: int) -> Iterator[Heard]:
    if samples.shape[1] > 0:
        yield Heard(samples, begin / rate, (begin + samples.shape[1]) / rate)
