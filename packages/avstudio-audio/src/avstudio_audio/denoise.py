"""`audio.denoise`: speech without the noise behind it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from avstudio_audio import rnnoise
from avstudio_audio.encoding_params import EncodingParams, check_encoding, encoding_of, tell_encoding
from avstudio_audio.file_labels import kept_labels, labelled_encoder, tell_lost_labels
from avstudio_audio.vocabulary import DenoiseWords
from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor, Result
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.media.labels import Labels
    from avstudio_audio.media.stream import SoundStream

SOUND = "sound"
MOST_DB = 10.0
"""If the result is quieter than the source by more, what was removed was hardly noise."""
MEMORY_MB = 300


class DenoiseParams(EncodingParams):
    """How much noise to remove, and how to write the sound."""

    strength: float = Field(default=1.0, ge=0, le=1, description="The part of the noise to remove; 1 is all of it.")


class DenoiseResult(Result):
    """The sound without noise."""

    sound: Artifact = Field(description="The sound, as long as the source.", json_schema_extra={"view": "player"})
    removed_dbfs: float | None = Field(
        description="Level of what was removed (RMS); empty for silence.", json_schema_extra={"unit": "dBFS"}
    )
    rate: int = Field(description="Sample rate.", json_schema_extra={"unit": "Hz"})
    duration: float = Field(description="Length.", json_schema_extra={"unit": "s"})


class Denoise(DenoiseWords, Processor[DenoiseParams, DenoiseResult]):
    """Remove noise from a recording of speech: hiss, hum, fans, traffic.

    It is for recordings whose noise is heard: it changes clean ones a little. It treats music and singing as noise, and
    warns if most of the sound is gone. Each channel is processed alone, at 48 kHz.
    """

    name: ClassVar[str] = "audio.denoise"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: DenoiseParams) -> dict[str, str]:
        return {SOUND: params.format.media_type}

    def needs(self, params: DenoiseParams, source: Artifact | None) -> Needs:
        check_encoding(params)
        rnnoise.require()
        return Needs(memory_mb=MEMORY_MB)

    def run(self, source: Artifact, params: DenoiseParams, context: Context) -> DenoiseResult:
        from avstudio_audio.media.limits import Limits
        from avstudio_audio.media.stream import open_stream

        context.progress(0.0, "read")
        limits = Limits.of(context.settings)
        with open_stream(
            source.path,
            track=params.track,
            progress=lambda part: context.progress(0.98 * part, "denoise"),
            warn=context.warn,
            limits=limits,
        ) as stream:
            work = _Work(stream, params.strength)
            try:
                labels = kept_labels(source, limits, changed=True, wanted=params.tags)
                return _written(source, work, stream, params, labels, context)
            finally:
                work.close()


def _written(
    source: Artifact, work: _Work, stream: SoundStream, params: DenoiseParams, labels: Labels, context: Context
) -> DenoiseResult:
    from avstudio_audio.media.encode import written_rate

    rate = min(stream.rate, rnnoise.RATE)
    encoding = encoding_of(params, stream.bits, changed=True)
    tell_encoding(params, stream.bits, encoding, source.name, context.warn)
    path = context.new_path(source.name_for(f".denoised{params.format.suffix}"))
    shape = rate, stream.channels, max(1, -(-stream.length * rate // stream.rate))
    done = 0
    with labelled_encoder(path, encoding, *shape, labels=labels, warn=context.warn) as write:
        for block in work.blocks(rate):
            context.check()
            write(block)
            done += block.shape[1]
        if not done:
            raise InvalidInput(f"'{source.name}' does not have any sound.")
    tell_lost_labels(path, labels, context)
    _tell_losses(source, work, stream.rate, rate, context)
    written = written_rate(params.format, rate)
    facts = MediaFacts(duration=done / rate, rate=written, channels=stream.channels)
    return DenoiseResult(
        sound=context.publish(path, path.name, params.format.media_type, facts),
        removed_dbfs=work.removed_dbfs,
        rate=written,
        duration=done / rate,
        effective={"bits": encoding.bits, "dither": str(encoding.dither), "rate": written, "track": params.track},
    )


def _tell_losses(source: Artifact, work: _Work, before: int, rate: int, context: Context) -> None:
    if before > rate:
        context.warn("resampled", f"'{source.name}' has {before} Hz, but the sound without noise has {rate} Hz.")
    if work.lost_db > MOST_DB:
        what = f"Most of the sound of '{source.name}' was removed: the result is {work.lost_db:.0f} dB quieter."
        context.warn("mostly_removed", f"{what} Music and singing are treated as noise.")


class _Work:
    """The channels of a stream while their noise is removed."""

    def __init__(self, stream: SoundStream, strength: float) -> None:
        import numpy as np

        self._stream, self._strength = stream, np.float32(strength)
        self._channels = [rnnoise.RNNoise() for _ in range(stream.channels)]
        self._waiting = np.zeros((stream.channels, 0), np.float32)
        self._before = self._after = self._removed = self._count = 0.0
        self._taken = 0

    def blocks(self, rate: int) -> Iterator[NDArray[np.float32]]:
        """The sound from the start of the file, `(channels, any)` at a rate in Hz, as long as the source."""
        done = 0
        for block in _at_rate(self._clean(), self._stream.channels, rnnoise.RATE, rate):
            left = -(-self._taken * rate // self._stream.rate) - done  # both conversions round the length up
            done += block.shape[1]
            yield block[:, :left]

    def _clean(self) -> Iterator[NDArray[np.float32]]:
        import numpy as np

        for block in _at_rate(self._counted(), self._stream.channels, self._stream.rate, rnnoise.RATE):
            clean = np.stack([one.feed(row) for one, row in zip(self._channels, block, strict=True)])
            self._waiting = np.concatenate((self._waiting, block), axis=1)
            if clean.size:
                yield self._mixed(clean)
        yield self._mixed(np.stack([one.rest() for one in self._channels]))

    def _counted(self) -> Iterator[NDArray[np.float32]]:
        for block in self._stream.blocks_from():
            self._taken += block.shape[1]
            yield block

    def _mixed(self, clean: NDArray[np.float32]) -> NDArray[np.float32]:
        """Clean sound with a part of the noise, which is what the sound at the same time has more."""
        length = clean.shape[1]
        dirty, self._waiting = self._waiting[:, :length], self._waiting[:, length:]
        removed = self._strength * (dirty - clean)
        left: NDArray[np.float32] = dirty - removed
        self._before, self._after = self._before + _energy(dirty), self._after + _energy(left)
        self._removed, self._count = self._removed + _energy(removed), self._count + left.size
        return left

    @property
    def removed_dbfs(self) -> float | None:
        return round(10 * math.log10(self._removed / self._count), 2) if self._removed else None

    @property
    def lost_db(self) -> float:
        """By how much the result is quieter than the source."""
        return 10 * math.log10(self._before / max(self._after, 1e-20)) if self._before else 0.0

    def close(self) -> None:
        for one in self._channels:
            one.close()


def _energy(block: NDArray[np.float32]) -> float:
    import numpy as np

    return float(np.square(block, dtype=np.float64).sum())


def _at_rate(
    blocks: Iterator[NDArray[np.float32]], channels: int, before: int, after: int
) -> Iterator[NDArray[np.float32]]:
    from avstudio_audio.media.resample import resampled

    return blocks if before == after else resampled(blocks, channels, before, after, best=True)
