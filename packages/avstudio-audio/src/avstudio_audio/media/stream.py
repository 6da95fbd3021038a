"""The sound of a media file block by block, so that memory does not grow with its length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.container import open_media
from avstudio_audio.media.downmix import Mixdown
from avstudio_audio.media.input_range import InputRange
from avstudio_audio.media.limits import RATES, USUAL, Limits, check_rate
from avstudio_audio.media.progress import Progress, Warn, log_warning
from avstudio_audio.media.reader import BLOCK, AudioReader
from avstudio_audio.media.resample import resampled
from avstudio_audio.media.rest import unread_bytes
from avstudio_audio.media.sndfile_reader import SndfileReader, sndfile_reader
from avstudio_audio.media.tracks import audio_tracks, described
from avstudio_core.errors import InvalidParams, UnreadableMedia
from avstudio_core.spans import WHOLE, Span

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer
    from numpy.typing import NDArray

SILENT = 1e-4
"""A track with a peak below this (−80 dBFS) counts as silent if another track is louder."""

REST = "another file is joined to it, or its header states too small a size"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sound of a file to read, and how: see `open_stream`."""

    path: Path
    rate: int | None = None
    channels: int | None = None
    span: Span = WHOLE
    limits: Limits = USUAL

    def __post_init__(self) -> None:
        """Raises `InvalidParams`."""
        if self.rate is not None and not RATES[0] <= self.rate <= RATES[1]:
            raise InvalidParams(f"The rate '{self.rate}' is not between {RATES[0]} and {RATES[1]} Hz.")
        if self.channels is not None and self.channels < 1:
            raise InvalidParams(f"'{self.channels}' is not a valid number of channels.", hint="Give 1 or 2.")
        start, end = self.span
        if not 0 <= start < end:
            message = f"The span from '{start}' to '{end}' s is not a valid range of time."
            raise InvalidParams(message, hint="Begin at 0 s or later.")


class SoundStream:
    """The sound of one track, mixed and resampled as it was requested."""

    def __init__(
        self,
        reader: AudioReader | SndfileReader,
        wanted: Wanted,
        input_range: InputRange,
        warn: Warn,
        progress: Progress | None,
    ) -> None:
        self._reader, self._wanted, self._range = reader, wanted, input_range
        self._warn, self._progress = warn, progress
        self.source_rate, self.source_channels = reader.rate, reader.channels
        self.bits = reader.bits
        """Bits of a sample in the file, 32 or more for floats; `None` for a lossy codec."""
        self.rate = wanted.rate or reader.rate
        """Samples per second of the blocks, in Hz."""
        self.channels = wanted.channels or reader.channels
        self.start = reader.start
        """The time of the first sample in the file, in seconds."""
        self.length = -(-reader.length * self.rate // reader.rate)
        """The expected samples per channel; 0 if the file does not state it."""
        self.states_length = reader.states_length
        """Whether the file states its length; otherwise it is an estimate."""
        self.speakers = reader.speakers
        """FFmpeg's names of the source's speakers."""
        if self.channels not in (reader.channels, 1, 2):
            have = f"'{wanted.path}' has {reader.channels} channels"
            raise InvalidParams(f"{have}; they can be mixed to 1 or 2, not '{self.channels}'.")

    @property
    def silent(self) -> bool:
        """Whether all samples that have been read are zero."""
        return self._range.peak == 0

    def blocks_from(self, time: float = 0.0) -> Iterator[NDArray[np.float32]]:
        """The same as `blocks`, after silence from a time in seconds up to the start of the sound."""
        import numpy as np

        lead = round(self.start * self.rate) - round(time * self.rate)
        for begin in range(0, lead, BLOCK):
            yield np.zeros((self.channels, min(BLOCK, lead - begin)), np.float32)
        yield from self.blocks()

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The sound in order, in arrays of `(channels, any)`; it can be read once.

        After the last block come the warnings about the file. Raises `UnreadableMedia` for impossible values.
        """
        reader, path = self._reader, self._wanted.path
        pieces = self._range.scaled(reader.arrays())
        if self._progress:
            pieces = _watched(pieces, reader.length, self._progress)
        mixdown = None
        if self.channels != reader.channels:
            mixdown = Mixdown(reader.speakers, self.channels, reader.rate)
            pieces = map(mixdown.mix, pieces)
        if self.rate != reader.rate:
            pieces = resampled(pieces, self.channels, reader.rate, self.rate)
        done = 0
        for piece in self._wanted.limits.within(path, pieces, self.rate):
            done += piece.shape[1]
            yield piece
        if mixdown:
            mixdown.report(path, self._warn)
        self._range.report(self._warn)
        reader.report(self._warn)
        if self.start + done / self.rate < self._wanted.span[1] and (rest := unread_bytes(path)):
            self._warn("unread", f"'{path}' has {rest:,} bytes after its sound that are not read: {REST}.")


@contextmanager
def open_stream(  # noqa: PLR0913
    path: Path,
    *,
    rate: int | None = None,
    channels: int | None = None,
    span: Span = WHOLE,
    track: str | None = None,
    progress: Progress | None = None,
    warn: Warn = log_warning,
    limits: Limits = USUAL,
) -> Iterator[SoundStream]:
    """Open the sound of an audio or video file, to be read block by block; by default at its own rate and channels.

    `rate` is in Hz; `channels` is 1, 2 or the number in the file; `span` is in seconds from the start of the file,
    and only its part inside the file is decoded. `track` is the number or the language of an audio track; by default
    it is the main one, or another if that is silent. `warn` is called if the file is `truncated` or `damaged`, if a
    part of it is `unread`, if its samples are `rescaled` to full scale or all one value (`constant`), if its channels
    are `phase_cancelled`, and if it has `other_tracks`. Raises `UnreadableMedia` (`NoAudio` for a file without
    sound), `InvalidParams`, and `NotFound` for a track. A file that exceeds the seconds of `limits` is refused by its
    header, or during decoding if the header is wrong; their MB are those of `decode`.
    """
    wanted = Wanted(Path(path), rate, channels, span, replace(limits, mb=0))
    chosen = _chosen(wanted, track, warn)
    with _opened(wanted, chosen) as (reader, input_range):
        stream = SoundStream(reader, wanted, input_range, warn, progress)
        if reader.states_length:
            wanted.limits.check(wanted.path, reader.length / reader.rate, 0)
        yield stream


def _chosen(wanted: Wanted, track: str | None, warn: Warn) -> str | None:
    """The track to read: the requested one, the main one, or the first other one if that is silent."""
    if track is not None:
        return track
    with open_media(wanted.path, wanted.limits.streams) as container:
        tracks = {str(one.index): described(one) for one in audio_tracks(container, wanted.path)}
    main = next(iter(tracks))
    if len(tracks) == 1:
        return None
    used = next((one for one in tracks if _audible(wanted, one, main)), main)
    why = "" if used == main else ", because the main one is silent"
    several = f"'{wanted.path}' has {len(tracks)} audio tracks: {', '.join(tracks.values())}"
    warn("other_tracks", f"{several}. Track {tracks[used]} is used{why}. Set 'track' to choose another.")
    return used


def _audible(wanted: Wanted, track: str, main: str) -> bool:
    """Whether a track has sound above `SILENT`; another than the main one is not, if it cannot be read."""
    with suppress(*([] if track == main else [UnreadableMedia])), _opened(wanted, track) as (reader, input_range):
        for _ in input_range.scaled(reader.arrays()):
            if input_range.peak > SILENT:
                return True
    return False


@contextmanager
def _opened(wanted: Wanted, track: str | None) -> Iterator[tuple[AudioReader | SndfileReader, InputRange]]:
    """A reader of a track, and the range of its samples."""
    path = wanted.path
    with open_media(path, wanted.limits.streams) as container:
        floats = _stores_floats(container, path, track)  # before packets are read: FLAC of an odd rate loses it then
        reader = _reader(container, wanted, track)
        check_rate(path, reader.rate)
        input_range = InputRange(path, reader.start, reader.rate)
        if not floats:
            yield reader, input_range
            return
    with open_media(path, wanted.limits.streams) as container:
        yield _reader(container, wanted, track), input_range.measured(lambda: _again(wanted, track))


def _again(wanted: Wanted, track: str | None) -> Iterator[NDArray[np.float32]]:
    with open_media(wanted.path, wanted.limits.streams) as container:
        yield from _reader(container, wanted, track).arrays()


def _reader(container: InputContainer, wanted: Wanted, track: str | None) -> AudioReader | SndfileReader:
    path, span = wanted.path, wanted.span
    first = audio_tracks(container, path, track)[0]
    return sndfile_reader(container, path, span) or AudioReader(container, first, path, span)


def _stores_floats(container: InputContainer, path: Path, track: str | None) -> bool:
    """Whether the samples of a track are stored as floats, which can have any value."""
    codec = audio_tracks(container, path, track)[0].codec_context
    return codec is not None and codec.name.startswith("pcm_f")


def _watched(pieces: Iterable[NDArray[np.float32]], length: int, progress: Progress) -> Iterator[NDArray[np.float32]]:
    """The same pieces; `progress` is called at every hundredth of `length` samples."""
    done = told = 0
    for piece in pieces:
        yield piece
        done += piece.shape[1]
        if done - told >= length / 100 and done < length:
            told = done
            progress(done / length)
    progress(1.0)
