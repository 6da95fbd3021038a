"""The sound of one stream as float32 arrays, also of damaged files."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.errors import NoAudio
from avstudio_audio.media.container import ends_early
from avstudio_audio.media.frames import numbers_of, readable_format
from avstudio_audio.media.layouts import speakers_of
from avstudio_audio.media.ogg import OggLinks
from avstudio_audio.media.progress import Warn
from avstudio_audio.media.sample_bits import bits_of
from avstudio_audio.media.stated_length import states_length
from avstudio_core.errors import InvalidInput, UnreadableMedia
from avstudio_core.spans import Span

if TYPE_CHECKING:
    import numpy as np
    from av.audio.fifo import AudioFifo
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from numpy.typing import NDArray

DENSEST = 1 << 13
"""The most samples per channel that one byte can hold (silence in FLAC comes near it); a header with more is wrong."""
BLOCK = 1 << 14
"""The smallest number of samples in a block: enough to outweigh the cost of a step, and few enough for the cache."""
LEAD = 1.0
"""Seconds before a span that are decoded and dropped: after a seek, a codec is inexact for some frames."""
GAP = (0.1, 60.0)
"""The gaps in seconds between time stamps that count as missing sound; a longer one is a clock reset."""
CUT = 0.25
"""The seconds that may be missing at the end before a file counts as truncated."""
MP3_SYNC = b"\xff"
"""The first byte of every frame of an MP3: data without it after the last frame is not sound."""
TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")
"""The first bytes of tags. In files joined end to end, tags are between the sound."""
PADDING = 2_048
"""The most samples that an encoder appends to fill its last frame; MP4 states the length without them."""
EXACT = 0.001
"""The seconds by which the lengths that one file states may differ, because they are rounded."""


class AudioReader:
    """Reads a span of an audio stream, and fills gaps with silence, so that every sample is at its time.

    Time counts from the start of the file: sound that begins after the video starts at more than zero.
    """

    def __init__(self, container: InputContainer, stream: AudioStream, path: Path, span: Span) -> None:
        """Raises `UnreadableMedia` for an unknown codec, `NoAudio` if no frame of the stream can be decoded."""
        if stream.codec_context is None:
            raise UnreadableMedia(f"The sound in '{path}' has a codec that cannot be decoded.")
        self._container, self._stream, self._path = container, stream, path
        self.bits = bits_of(stream.codec_context)
        """Bits of a stored sample; `None` for a lossy codec."""
        self._stream.codec_context.thread_type = "AUTO"
        self.states_length = states_length(container, path)
        """Whether `length` is stated by the file, and not an estimate."""
        self._origin = (container.start_time or 0) / 1_000_000
        self._lost_packets = self._lost_before_sound = self._junk = self._silent = 0
        self._seek(span[0] - LEAD)
        frames = self._decoded()
        first = next(frames, None)
        if first is None and span[0] > LEAD:
            raise no_sound(path, span)
        if first is None:
            message = f"'{path}' has an audio stream, but none of its sound can be decoded."
            raise NoAudio(message, hint="It may be empty or cut off: export it again.")
        self._first, self._frames = first, chain([first], frames)
        self._format, self._layout = readable_format(first), first.layout
        self._converters: dict[tuple[str, str, int], AudioResampler] = {}
        self.rate, self.channels = first.sample_rate, first.layout.nb_channels
        self._heard = self._given = self._place(first) or 0  # positions of the next input and output sample
        self._begin = round(span[0] * self.rate)
        self._end = round(span[1] * self.rate) if math.isfinite(span[1]) else sys.maxsize
        self.start = max(self._given, self._begin) / self.rate
        """The time of the first returned sample, in seconds."""
        self.length = max(0, min(self._stated_samples, self._end) - self._begin)
        """The expected number of samples; 0 if the file does not state it."""

    @property
    def _stated_samples(self) -> int:
        """The number of samples that the file states, at most what its bytes can hold; 0 without a statement."""
        density = 1 if self._stream.codec_context.name.startswith("pcm_") else DENSEST
        stated = (self._container.duration or 0) / 1_000_000 * self.rate
        return min(round(stated), self._path.stat().st_size * density)

    @property
    def speakers(self) -> tuple[str, ...]:
        """FFmpeg's names of the channels' speakers."""
        return speakers_of(self._stream, self._layout)

    def arrays(self) -> Iterator[NDArray[np.float32]]:
        """The sound block by block, each `(channels, any)`."""
        return self._unpadded(self._padded())

    def _padded(self) -> Iterator[NDArray[np.float32]]:
        import av
        import numpy as np

        fifo = av.AudioFifo()
        for frame, missing in self._with_gaps():
            if missing:
                yield from self._drained(fifo)
                yield self._within(np.zeros((self.channels, missing), np.float32))
                self._silent += missing
                self._heard += missing
            for alike in self._alike(frame):
                alike.pts = None
                fifo.write(alike)
                self._heard += alike.samples
            if fifo.samples >= BLOCK:
                yield from self._drained(fifo)
            if self._heard >= self._end:
                break
        yield from self._drained(fifo)

    def _unpadded(self, arrays: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Without the samples after the end that MP4 states, unless they are too many to be the encoder's padding."""
        stream, names = self._stream, self._container.format.name.split(",")
        if "mp4" not in names or not stream.duration or not stream.time_base:
            return arrays
        end = float(((stream.start_time or 0) + stream.duration) * stream.time_base) - self._origin
        return _up_to(arrays, round(end * self.rate) - round(self.start * self.rate))

    def report(self, warn: Warn) -> None:
        """After the last array, warn if the file is `truncated` or `damaged`."""
        end, stated = self._heard / self.rate, self._stated_end
        short = stated is not None and end + CUT < stated
        cut = self._heard < self._end and (short or self._ends_early)
        if cut:
            whole = f" of {stated:.2f} s" if short else ""
            warn("truncated", f"'{self._path}' is cut short: it ends after {end:.2f} s{whole}.")
        complete = stated is not None and end >= stated - EXACT  # then the rest is not sound
        lost = self._lost_before_sound if complete else self._lost_packets - self._junk
        silent = self._silent / self.rate
        if silent or lost > cut:  # the last packet of a truncated file is damaged, too
            warn(
                "damaged",
                f"'{self._path}' is damaged: {lost} packets are lost, and {silent:.2f} s are replaced by silence.",
            )

    @property
    def _ends_early(self) -> bool:
        if self._container.format.name == "ogg":
            return not OggLinks(self._path).ended
        return ends_early(self._path)

    @property
    def _stated_end(self) -> float | None:
        """The end of the sound in seconds as the file states it; `None` without a reliable statement."""
        stream, container = self._stream, self._container
        begin = stream.start_time or 0
        if not self.states_length:
            return None
        if stream.duration and stream.time_base:
            return float((begin + stream.duration) * stream.time_base) - self._origin
        if container.duration and len(container.streams) == 1:
            return container.duration / 1_000_000 - self._origin
        return None

    def _packets(self) -> Iterator[Packet[AudioStream] | None]:
        import av

        try:
            yield from self._container.demux(self._stream)
        except IndexError:
            return  # PyAV fails at the end on a stream that appeared late; all packets have been returned by then
        except (av.FFmpegError, OSError):
            self._lost_packets += 1
            yield None  # flushes the decoder

    def _decoded(self) -> Iterator[AudioFrame]:
        import av

        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except (av.FFmpegError, OSError):
                self._note_lost(bytes(packet) if packet else b"")
                continue
            if frames:
                self._lost_before_sound, self._junk = self._lost_packets, 0
            yield from frames

    def _note_lost(self, content: bytes) -> None:
        if not content.startswith(TAGS):
            self._lost_packets += 1
            self._junk += self._container.format.name == "mp3" and content[:1] not in (b"", MP3_SYNC)

    def _with_gaps(self) -> Iterator[tuple[AudioFrame, int]]:
        """Each frame, and the number of samples missing before it; slow drift of time stamps makes no gaps."""
        expected: int | None = None
        for frame in self._frames:
            place = self._place(frame)
            missing = 0 if place is None or expected is None else place - expected
            real = GAP[0] < missing / self.rate < GAP[1] and self._heard + missing < self._begin + self.length
            yield frame, missing if real else 0
            expected = None if place is None else place + frame.samples * self.rate // frame.sample_rate

    def _place(self, frame: AudioFrame) -> int | None:
        """The position of a frame by its time stamp, in samples."""
        time = frame.time
        return None if time is None or math.isnan(time) else round((time - self._origin) * self.rate)

    def _seek(self, seconds: float) -> None:
        """Seek to a time, or a little before it; a container without seeking is read from its start."""
        import av

        if seconds > 0:
            with suppress(av.FFmpegError, OSError):
                self._container.seek(round((self._origin + seconds) * 1_000_000))

    def _alike(self, frame: AudioFrame) -> list[AudioFrame]:
        """A frame in the format, layout and rate of the first one; some streams change these."""
        import av

        if frame.format.name == self._format and frame.layout == self._layout and frame.sample_rate == self.rate:
            return [frame]
        key = frame.format.name, frame.layout.name, frame.sample_rate
        if key not in self._converters:
            self._converters[key] = av.AudioResampler(self._format, self._layout, self.rate)
        try:
            frames = self._converters[key].resample(frame)
        except (av.FFmpegError, OSError):
            self._lost_packets += 1
            return []
        for one in frames:
            one.time_base = self._first.time_base  # the fifo requires equal time bases
        return frames

    def _drained(self, fifo: AudioFifo) -> Iterator[NDArray[np.float32]]:
        frame = fifo.read()
        if frame is not None:
            yield self._within(numbers_of(frame, self.channels))

    def _within(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """The part of an array that is inside the span; the array follows the ones before it."""
        low, high = self._begin - self._given, self._end - self._given
        self._given += array.shape[1]
        return array[:, max(low, 0) : max(high, 0)]


def no_sound(path: Path, span: Span) -> InvalidInput:
    """The error for a span outside the file."""
    return InvalidInput(f"'{path}' does not have sound {between(span)}.")


def between(span: Span) -> str:
    """Words for a span of seconds, which can have no end."""
    return f"after {span[0]:g} s" if span[1] == math.inf else f"between {span[0]:g} s and {span[1]:g} s"


def _up_to(arrays: Iterator[NDArray[np.float32]], length: int) -> Iterator[NDArray[np.float32]]:
    """The arrays up to a length, in samples; all of them if they are longer by more than `PADDING`."""
    held: list[NDArray[np.float32]] = []
    beyond = -length
    for array in arrays:
        before, beyond = beyond, beyond + array.shape[1]
        inside = min(max(-before, 0), array.shape[1])
        yield array[:, :inside]
        held.append(array[:, inside:])
        if beyond > PADDING:
            yield from held
            held.clear()
