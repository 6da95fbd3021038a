"""The encoder of samples to files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.ffmpeg_writer import ffmpeg_writer
from avstudio_audio.media.formats import AudioFormat, Encoding
from avstudio_audio.media.labels import NO_TAGS, Chapter, Cover, Labels
from avstudio_audio.media.output_file import OutputFile, output_file
from avstudio_audio.media.progress import Warn, log_warning
from avstudio_audio.media.resample import Resampler
from avstudio_audio.media.samples import Samples, first_not_finite
from avstudio_audio.media.sndfile_writer import needs_ffmpeg, sndfile_writer
from avstudio_audio.media.stream_copy import copy_stream
from avstudio_audio.media.traits import TRAITS
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Write = Callable[[NDArray[np.float32]], None]
    """Takes the next `(channels, any)`."""

BLOCK = 1 << 14
AUDIBLE_DB = 0.1
"""Clipping by less than this is inaudible, so there is no warning: rounding clips a song at full scale a little."""


def encode(
    samples: Samples, path: Path, format: AudioFormat | Encoding = AudioFormat.WAV, *, warn: Warn = log_warning
) -> None:
    """Write all samples to `path` at once; see `encoder`."""
    with encoder(path, format, samples.rate, samples.channels, samples.length, warn=warn) as write:
        write(samples.data)


@contextmanager
def encoder(  # noqa: PLR0913
    path: Path,
    format: AudioFormat | Encoding,
    rate: int,
    channels: int,
    length: int,
    *,
    tags: Mapping[str, str] = NO_TAGS,
    cover: Cover | None = None,
    chapters: Sequence[Chapter] = (),
    warn: Warn = log_warning,
) -> Iterator[Write]:
    """A function that writes blocks to `path`, `length` samples in total; a failure removes the file.

    An existing file is overwritten. `length` may be an estimate. Labels that the format cannot store are left out.
    Most formats clip values beyond full scale; then `warn` is called at the end (`clipped`). If a format does not
    support the rate, the next higher supported one is used (`resampled`; without a warning for Opus, which has one
    rate). Raises `InvalidInput` and `InvalidParams` for what a format cannot hold, `DiskFull` and `StorageError`.
    """
    encoding = format if isinstance(format, Encoding) else Encoding(format)
    _check(encoding, channels, length)
    taken = written_rate(encoding.format, rate)
    if taken != rate and encoding.format is not AudioFormat.OPUS:
        warn("resampled", f"'{path}' has {taken} Hz, because {encoding.format} does not support {rate} Hz.")
    resampler = Resampler(channels, rate, taken, best=True) if taken != rate else None
    beyond = _Beyond()
    position = 0
    labels = Labels(tags, cover, tuple(chapters))
    with output_file(path, encoding.format) as file, _opened(file, encoding, channels, taken, length, labels) as put:

        def write(data: NDArray[np.float32]) -> None:
            nonlocal position
            for block in _parts(data):
                _refuse_not_finite(block, position, rate)
                position += block.shape[1]
                beyond.look_at(block)
                put(resampler.feed(block) if resampler else block)
                file.check()

        yield write
        if resampler:
            put(resampler.rest())
        if clips(encoding):
            beyond.report(path, warn)
    if encoding.format is AudioFormat.OGG and needs_ffmpeg(labels):
        _relabel(path, labels)


def _relabel(path: Path, labels: Labels) -> None:
    """Write labels that libsndfile cannot write to a finished file, by copying its stream."""
    unlabelled = path.with_name(f"{path.name}.part")
    path.rename(unlabelled)
    try:
        copy_stream(unlabelled, path, AudioFormat.OGG, labels=labels)
    finally:
        unlabelled.unlink()


def written_rate(format: AudioFormat, rate: int) -> int:
    """The rate itself if a format supports it, else the next higher one, or the highest, in Hz."""
    traits = TRAITS[format]
    known = traits.rates or (min(rate, traits.max_rate),)
    return min((one for one in known if one >= rate), default=max(known))


def clips(encoding: Encoding) -> bool:
    """Whether values beyond full scale are clipped. Raises `InvalidParams`."""
    traits = TRAITS[encoding.format]
    bits = traits.bits(encoding)
    return traits.clips and (not bits or traits.rounds(bits))


def _check(encoding: Encoding, channels: int, length: int) -> None:
    format, traits = encoding.format, TRAITS[encoding.format]
    traits.check(encoding)
    if channels > (most := traits.max_channels):
        raise InvalidInput(f"'{format}' supports {most} channels, not {channels}.", hint="Mix down, or use 'wav'.")
    if not length:
        raise InvalidInput("The sound to write is empty.")


def _refuse_not_finite(block: NDArray[np.float32], position: int, rate: int) -> None:
    bad = first_not_finite(block)
    if bad is not None:
        time = (position + bad) / rate
        raise InvalidInput(
            f"The samples contain values that are not numbers (NaN, infinity), the first at {time:.3f} s."
        )


def _parts(data: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    return (data[:, begin : begin + BLOCK] for begin in range(0, data.shape[1], BLOCK))


class _Beyond:
    """Counts values beyond full scale."""

    def __init__(self) -> None:
        self._count, self._peak = 0, 1.0

    def look_at(self, block: NDArray[np.float32]) -> None:
        import numpy as np

        loud = np.abs(block)
        if loud.max(initial=0.0) > 1.0:
            self._count, self._peak = (
                self._count + int(np.count_nonzero(loud > 1.0)),
                max(self._peak, float(loud.max())),
            )

    def report(self, path: Path, warn: Warn) -> None:
        excess = 20 * math.log10(self._peak)
        if excess >= AUDIBLE_DB:
            message = f"{self._count} values are clipped in '{path}', by up to {excess:.1f} dB."
            warn("clipped", f"{message} Lower the level, or choose the format 'wav-float', which never clips.")


def _opened(
    file: OutputFile, encoding: Encoding, channels: int, rate: int, length: int, labels: Labels
) -> AbstractContextManager[Write]:
    """A function that writes blocks to a file; each must be small and at the file's rate."""
    if TRAITS[encoding.format].library == "ffmpeg":
        return ffmpeg_writer(file, encoding, channels, rate, labels)
    return sndfile_writer(file, encoding, channels, rate, length, labels.tags)
