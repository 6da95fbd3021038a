"""The decoder of media files to samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.container import open_media
from avstudio_audio.media.downmix import Mixdown
from avstudio_audio.media.input_range import InputRange
from avstudio_audio.media.limits import BYTES, RATES, USUAL, Limits, check_rate
from avstudio_audio.media.progress import Progress, Warn, log_warning
from avstudio_audio.media.reader import BLOCK, AudioReader, Span, no_sound
from avstudio_audio.media.resample import resampled
from avstudio_audio.media.rest import unread_bytes
from avstudio_audio.media.samples import Samples
from avstudio_audio.media.sndfile_reader import SndfileReader, sndfile_reader
from avstudio_audio.media.tracks import audio_tracks, described
from avstudio_core import CodedWarning
from avstudio_core.errors import InvalidParams, NotEnoughMemory, UnreadableMedia

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WHOLE: Span = (0.0, math.inf)
SILENT = 1e-4
"""A track with a peak below this (−80 dBFS) counts as silent if another track is louder."""

REST = "another file is joined to it, or its header states too small a size"


def decode(  # noqa: PLR0913
    path: Path,
    *,
    rate: int | None = None,
    channels: int | None = None,
    span: Span = WHOLE,
    track: str | None = None,
    progress: Progress | None = None,
    warn: Warn = log_warning,
    limits: Limits = USUAL,
) -> Samples:
    """The sound of an audio or video file, `(channels, samples)` float32; by default at its own rate and channels.

    `rate` is in Hz; `channels` is 1, 2 or the number in the file; `span` is in seconds from the start of the file,
    and only its part inside the file is decoded. `track` is the number or the language of an audio track; by default
    it is the main one, or another if that is silent. `warn` is called if the file is `truncated` or `damaged`, if a
    part of it is `unread`, if its samples are `rescaled` to full scale, if its channels are `phase_cancelled`, and if
    it has `other_tracks`. Raises `UnreadableMedia` (`NoAudio` for a file without sound), `InvalidParams`, `NotFound`
    for a track, `InvalidInput` for a span without sound, and `NotEnoughMemory`. A file that exceeds `limits` is
    refused by its header, or during decoding if the header is wrong.
    """
    _check(rate, channels, span)
    wanted = _Wanted(Path(path), rate, channels, span, limits)
    try:
        found = _first_audible(wanted, track, progress)
    except MemoryError as error:
        raise NotEnoughMemory(
            f"The sound of '{path}' does not fit into memory.", hint="Decode a part of it."
        ) from error
    if not found.samples.length:
        raise no_sound(wanted.path, span)
    for warning in found.warnings:
        warn(warning.code, warning.message)
    return found.samples


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The arguments of one decoding."""

    path: Path
    rate: int | None
    channels: int | None
    span: Span
    limits: Limits


@dataclass(slots=True, eq=False)
class _Decoded:
    """One decoded track, and the warnings about it."""

    samples: Samples
    peak: float
    tracks: dict[int, str]
    """Descriptions of all tracks by number, this one first."""
    warnings: list[CodedWarning]


def _first_audible(wanted: _Wanted, track: str | None, progress: Progress | None) -> _Decoded:
    """The requested track; by default the main one, or the first other one that is not silent."""
    main = found = _decoded(wanted, track, progress)
    if track is not None or len(main.tracks) == 1:
        return main
    others = iter([*main.tracks][1:])
    while found.peak <= SILENT and (other := next(others, None)) is not None:
        with suppress(UnreadableMedia):
            found = _decoded(wanted, str(other), progress)
    if found.peak <= SILENT:
        found = main
    used, listed = next(iter(found.tracks.values())), ", ".join(main.tracks.values())
    why = "" if found is main else ", because the main one is silent"
    several = f"'{wanted.path}' has {len(main.tracks)} audio tracks: {listed}"
    message = f"{several}. Track {used} is used{why}. Set 'track' to choose another."
    found.warnings.append(CodedWarning(code="other_tracks", message=message))
    return found


def _decoded(wanted: _Wanted, track: str | None, progress: Progress | None) -> _Decoded:
    """One track as samples."""
    path, span = wanted.path, wanted.span
    with open_media(path, wanted.limits.streams) as container:
        tracks = audio_tracks(container, path, track)
        reader = sndfile_reader(container, path, span) or AudioReader(container, tracks[0], path, span)
        check_rate(path, reader.rate)
        rate = wanted.rate or reader.rate
        input_range = InputRange(path, reader.start, reader.rate)
        warnings: list[CodedWarning] = []

        def warn(code: str, message: str) -> None:
            warnings.append(CodedWarning(code=code, message=message))

        pieces = input_range.watch(reader.arrays())
        if progress:
            pieces = _watched(pieces, reader.length, progress)
        data = _gathered(pieces, reader, wanted, warn)
        input_range.settle(data, warn)
        reader.report(warn)
        if reader.start + data.shape[1] / rate < span[1] and (rest := unread_bytes(path)):
            warn("unread", f"'{path}' has {rest:,} bytes after its sound that are not read: {REST}.")
        names = {one.index: described(one) for one in tracks}
    return _Decoded(Samples(data, rate, reader.start), input_range.peak, names, warnings)


def _check(rate: int | None, channels: int | None, span: Span) -> None:
    if rate is not None and not RATES[0] <= rate <= RATES[1]:
        raise InvalidParams(f"The rate '{rate}' is not between {RATES[0]} and {RATES[1]} Hz.")
    if channels is not None and channels < 1:
        raise InvalidParams(f"'{channels}' is not a valid number of channels.", hint="Give 1 or 2.")
    if not 0 <= span[0] < span[1]:
        raise InvalidParams(
            f"The span from '{span[0]}' to '{span[1]}' s is not a valid range of time.", hint="Begin at 0 s or later."
        )


def _gathered(
    pieces: Iterable[NDArray[np.float32]], reader: AudioReader | SndfileReader, wanted: _Wanted, warn: Warn
) -> NDArray[np.float32]:
    """All sound of a reader, mixed and resampled, in one array."""
    rate, channels = wanted.rate or reader.rate, wanted.channels or reader.channels
    mixdown = None
    if channels != reader.channels:
        if channels > 2:
            have = f"'{wanted.path}' has {reader.channels} channels"
            raise InvalidParams(f"{have}; they can be mixed to 1 or 2, not '{channels}'.")
        mixdown = Mixdown(reader.speakers, channels, reader.rate)
        pieces = map(mixdown.mix, pieces)
    if rate != reader.rate:
        pieces = resampled(pieces, channels, reader.rate, rate)
    expected = reader.length
    if reader.states_length:
        wanted.limits.check(wanted.path, expected / reader.rate, expected / reader.rate * rate * channels * BYTES)
    pieces = wanted.limits.within(wanted.path, pieces, rate)
    data = _collected(pieces, channels, -(-expected * rate // reader.rate))
    if mixdown:
        mixdown.report(wanted.path, warn)
    return data


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


def _collected(pieces: Iterable[NDArray[np.float32]], channels: int, expected: int) -> NDArray[np.float32]:
    """The pieces in one array; the unused part of its reserved memory is never touched."""
    import numpy as np

    array, length = np.empty((channels, expected + BLOCK), np.float32), 0
    for piece in pieces:
        end = length + piece.shape[1]
        if end > array.shape[1]:
            larger = np.empty((channels, 2 * end), np.float32)
            larger[:, :length] = array[:, :length]
            array = larger
        array[:, length:end] = piece
        length = end
    return array[:, :length]
