"""The encoder of samples to files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.progress import Warn, log_warning
from avstudio_audio.media.resample import Resampler
from avstudio_audio.media.samples import Samples, first_not_finite
from avstudio_audio.media.traits import TRAITS, Traits
from avstudio_core.errors import InvalidInput, StorageError

if TYPE_CHECKING:
    import numpy as np
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from numpy.typing import NDArray

    Write = Callable[[NDArray[np.float32]], None]
    """Takes the next `(channels, any)`."""

BLOCK = 1 << 14
WAV_LIMIT = (1 << 32) - (1 << 16)
"""The largest size of sound in bytes in a WAV file with 32-bit sizes; RF64 has 64-bit ones (EBU Tech 3306)."""
TAGS = ("title", "artist", "album", "date", "genre", "track")
"""The tags that every format can store."""
SNDFILE_TAGS = {"track": "tracknumber"}
NO_TAGS: Mapping[str, str] = {}
LONGEST_TAG = 500
"""The characters of a tag that are kept; some formats cannot store long ones."""
AUDIBLE_DB = 0.1
"""Clipping by less than this is inaudible, so there is no warning: rounding clips a song at full scale a little."""
VORBIS_COMPRESSION = 0.4
"""libvorbis quality 6, about 190 kbit/s for stereo."""


def encode(samples: Samples, path: Path, format: AudioFormat = AudioFormat.WAV, *, warn: Warn = log_warning) -> None:
    """Write all samples to `path` at once; see `encoder`."""
    with encoder(path, format, samples.rate, samples.channels, samples.length, warn=warn) as write:
        write(samples.data)


@contextmanager
def encoder(  # noqa: PLR0913
    path: Path,
    format: AudioFormat,
    rate: int,
    channels: int,
    length: int,
    *,
    tags: Mapping[str, str] = NO_TAGS,
    warn: Warn = log_warning,
) -> Iterator[Write]:
    """A function that writes blocks to `path`, `length` samples in total; a failure removes the file.

    An existing file is overwritten. `tags` are those of `kept_tags`. Most formats clip values beyond full scale; then
    `warn` is called at the end (`clipped`). If a format does not support the rate, the next higher supported one is
    used (`resampled`; without a warning for Opus, which has one rate). Raises `InvalidInput` for what a format cannot
    hold, `DiskFull` and `StorageError`.
    """
    _check(format, channels, length)
    traits = TRAITS[format]
    taken = _nearest(rate, traits.rates)
    if taken != rate and format is not AudioFormat.OPUS:
        warn("resampled", f"'{path}' has {taken} Hz, because {format} does not support {rate} Hz.")
    resampler = Resampler(channels, rate, taken) if taken != rate else None
    beyond = _Beyond()
    position = 0
    with _output(path, format) as file, _opened(file, traits, channels, taken, length, tags) as put:

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
        if traits.clips:
            beyond.report(path, warn)


def kept_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a source that its outputs keep, without control characters."""
    found = {name: "".join(one for one in tags.get(name, "") if one.isprintable()).strip() for name in TAGS}
    return {name: value[:LONGEST_TAG] for name, value in found.items() if value}


class _File:
    """A file for C libraries: it stores errors, which their callbacks would drop."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self.seek, self.tell, self.close = self._file.seek, self._file.tell, self._file.close
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            return len(data)
        except OSError as error:
            self.error = error
            return 0

    def check(self) -> None:
        """Raise the stored error."""
        if self.error:
            raise self.error


@contextmanager
def _output(path: Path, format: AudioFormat) -> Iterator[_File]:
    """A file to write; a failure removes it, and exceptions of libraries become errors of the core."""
    import av
    import soundfile

    try:
        file = _File(path)
    except (OSError, ValueError) as error:
        raise StorageError.of(error if isinstance(error, OSError) else OSError(str(error)), path) from error
    try:
        yield file
        file.check()
    except BaseException as error:
        file.close()
        if path.is_file():
            path.unlink()
        cause = file.error or error
        if isinstance(cause, OSError):
            raise StorageError.of(cause, path) from error
        if isinstance(cause, (av.FFmpegError, soundfile.SoundFileError, AssertionError)):
            raise InvalidInput(f"These samples cannot be written as '{format}': {error}.") from error
        raise
    file.close()


def _check(format: AudioFormat, channels: int, length: int) -> None:
    most = TRAITS[format].max_channels
    if channels > most:
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


def _nearest(rate: int, known: tuple[int, ...]) -> int:
    """The rate itself, the next higher one, or the highest."""
    return min((one for one in known if one >= rate), default=max(known)) if known else rate


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
            warn("clipped", f"{message} Lower 'gain', or choose the format 'wav-float', which never clips.")


def _opened(
    file: _File, traits: Traits, channels: int, rate: int, length: int, tags: Mapping[str, str]
) -> AbstractContextManager[Write]:
    """A function that writes blocks to a file; each must be small and at the file's rate."""
    if traits.rates:
        return _opened_by_ffmpeg(file, traits, channels, rate, tags)
    return _opened_by_sndfile(file, traits, channels, rate, length, tags)


@contextmanager
def _opened_by_sndfile(
    file: _File, traits: Traits, channels: int, rate: int, length: int, tags: Mapping[str, str]
) -> Iterator[Write]:
    import soundfile

    large = length * channels * (traits.bits or 32) // 8 > WAV_LIMIT
    with soundfile.SoundFile(
        file,
        "w",
        rate,
        channels,
        subtype=traits.codec,
        format="RF64" if large and traits.container == "WAV" else traits.container,
        compression_level=VORBIS_COMPRESSION if traits.codec == "VORBIS" else None,
    ) as sound:
        for name, value in tags.items():
            setattr(sound, SNDFILE_TAGS.get(name, name), value)
        yield lambda block: sound.write(_integers(block, traits.bits).T if traits.bits else block.T)


def _integers(block: NDArray[np.float32], bits: int) -> NDArray[np.int32]:
    """The nearest integers of `bits` bits, clipped, in the upper bits of an int32."""
    import numpy as np

    limit = 1 << (bits - 1)
    numbers: NDArray[np.int32] = np.clip(np.rint(block * np.float32(limit)), -limit, limit - 1).astype(np.int32)
    return numbers << (32 - bits)


@contextmanager
def _opened_by_ffmpeg(
    file: _File, traits: Traits, channels: int, rate: int, tags: Mapping[str, str]
) -> Iterator[Write]:
    import av
    import numpy as np

    layout, position = traits.layouts[channels - 1], 0
    with av.open(file, "w", format=traits.container) as container:
        container.metadata.update(tags)
        stream = _stream(container, rate, layout, traits)

        def put(block: NDArray[np.float32]) -> None:
            nonlocal position
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T).reshape(1, -1), "flt", layout)
            # With a time stamp, the encoder's delay is stored in the file, and players skip it.
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), position
            position += block.shape[1]
            container.mux(stream.encode(frame))

        yield put
        container.mux(stream.encode(None))


def _stream(container: OutputContainer, rate: int, layout: str, traits: Traits) -> AudioStream:
    stream = cast("AudioStream", container.add_stream(traits.codec, rate=rate))
    codec = stream.codec_context
    codec.layout = layout
    codec.time_base = Fraction(1, rate)
    if traits.bit_rate:
        codec.bit_rate = traits.bit_rate * codec.layout.nb_channels
    else:
        codec.qscale, codec.global_quality = True, 0  # LAME's V0; its quick search has almost the same quality
        codec.options = {"compression_level": "7"}
    return stream
