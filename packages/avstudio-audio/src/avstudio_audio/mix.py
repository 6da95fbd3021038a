"""`audio.mix`: several recordings, mixed to one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from avstudio_audio.encoding_params import EncodingParams, check_encoding, encoding_of, tell_dither
from avstudio_audio.file_labels import kept_labels, labelled_encoder, tell_lost_labels
from avstudio_audio.media.progress import told_before
from avstudio_audio.vocabulary import MixWords
from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor, Result
from avstudio_core.errors import InvalidInput, InvalidParams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.media.limits import Limits
    from avstudio_audio.media.progress import Warn
    from avstudio_audio.media.stream import SoundStream


class MixParams(EncodingParams):
    """What to mix, and how. The lists are in the order of the inputs, the source first."""

    inputs: list[Artifact] = Field(
        default=[],
        description="The recordings to mix with the source.",
        json_schema_extra={"accepts": ["audio/*", "video/*", "application/octet-stream"]},
    )
    gains: list[float] = Field(
        default=[], description="Change of the level of each input.", json_schema_extra={"unit": "dB"}
    )
    offsets: list[float] = Field(
        default=[],
        description="Delay of each input; a negative one leaves out its start.",
        json_schema_extra={"unit": "s"},
    )
    pans: list[float] = Field(default=[], description="Balance of each input: −1 is left, 0 unchanged, 1 right.")
    mute: list[int] = Field(default=[], description="Numbers of the inputs to leave out; the source is 1.")
    length: Literal["longest", "shortest", "first"] = Field(
        default="longest", description="Which input determines the length."
    )
    rate: int | None = Field(
        default=None,
        ge=100,
        le=1_000_000,
        description="Sample rate; by default that of the source.",
        json_schema_extra={"unit": "Hz"},
    )
    on_clip: Literal["warn", "limit", "scale"] = Field(
        default="warn",
        description="What to do beyond full scale: warn (wav-float keeps it), limit the true peaks, or lower all.",
    )


class MixResult(Result):
    """The mix."""

    sound: Artifact = Field(description="The mix.", json_schema_extra={"view": "player"})
    duration: float = Field(description="Length.", json_schema_extra={"unit": "s"})
    rate: int = Field(description="Sample rate.", json_schema_extra={"unit": "Hz"})
    channels: int = Field(description="Channels.")
    peak_dbfs: float | None = Field(
        description="Peak of the sum before it is limited or lowered; empty for silence.",
        json_schema_extra={"unit": "dBFS"},
    )
    gain_db: float = Field(description="Change of the level to avoid clipping.", json_schema_extra={"unit": "dB"})


class Mix(MixWords, Processor[MixParams, MixResult]):
    """Mix recordings, such as stems, with a level, an offset and a pan for each.

    Other sample rates and numbers of channels are converted. The sum is never clipped without a warning.
    """

    name: ClassVar[str] = "audio.mix"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: MixParams) -> dict[str, str]:
        return {"sound": params.format.media_type}

    def needs(self, params: MixParams, source: Artifact | None) -> Needs:
        check_encoding(params)
        _inputs(params)
        return Needs()

    def run(self, source: Artifact, params: MixParams, context: Context) -> MixResult:
        from avstudio_audio.media.limits import Limits

        context.progress(0.0, "read")
        inputs = [one for one in _inputs(params) if one.number not in params.mute]
        if not inputs:
            raise InvalidInput("All inputs are muted.")
        mixture = _Mixture([source, *params.inputs], inputs, params, Limits.of(context.settings))
        factor = 1.0
        if params.on_clip == "scale":
            peak = max((float(abs(block).max()) for block in mixture.blocks(context, 0.5, told_before)), default=0.0)
            factor = min(1.0, 1 / peak) if peak else 1.0
        return _written(source, mixture, params, factor, context)


@dataclass(frozen=True, slots=True)
class _Input:
    number: int
    """Counted from 1."""
    gain: float
    """In dB."""
    offset: float
    """In seconds."""
    pan: float


def _inputs(params: MixParams) -> list[_Input]:
    """The inputs with their settings. Raises `InvalidParams`."""
    count = 1 + len(params.inputs)
    for name in ("gains", "offsets", "pans"):
        if len(getattr(params, name)) > count:
            raise InvalidParams(f"'{name}' has more values than there are inputs: {count}.", hint="Give one for each.")
    for number in params.mute:
        if not 1 <= number <= count:
            raise InvalidParams(f"'{number}' is not the number of an input.", hint=f"Give 1 to {count}.")
    if wrong := [pan for pan in params.pans if not -1 <= pan <= 1]:
        raise InvalidParams(f"'{wrong[0]}' is not a valid pan.", hint="Give a number from −1 to 1.")
    if wrong := [gain for gain in params.gains if not -200 <= gain <= 60]:
        raise InvalidParams(f"'{wrong[0]}' is not a valid gain.", hint="Give −200 to 60 dB, or mute the input.")
    if wrong := [offset for offset in params.offsets if abs(offset) > 86_400]:
        raise InvalidParams(f"'{wrong[0]}' is not a valid offset.", hint="Give at most one day, in seconds.")
    given = zip_longest(range(1, count + 1), params.gains, params.offsets, params.pans, fillvalue=0)
    return [_Input(int(number), float(gain), float(offset), float(pan)) for number, gain, offset, pan in given]


class _Mixture:
    """The sum of some inputs."""

    def __init__(self, files: Sequence[Artifact], inputs: Sequence[_Input], params: MixParams, limits: Limits) -> None:
        self._files, self._inputs, self._params, self.limits = files, inputs, params, limits
        with ExitStack() as opened:
            streams = [self._opened(opened, one, None, told_before) for one in inputs]
            self.rate = params.rate or streams[0].rate
            counts = {stream.channels for stream in streams}
            self.channels = counts.pop() if len(counts) == 1 and not any(one.pan for one in inputs) else 2
            bits = [stream.bits for stream in streams if stream.bits]
            self.bits = max(bits) if len(bits) == len(streams) else None
            self._seconds = [
                one.offset + stream.length / stream.rate for one, stream in zip(inputs, streams, strict=True)
            ]

    @property
    def length(self) -> int:
        """The expected number of samples."""
        return max(1, math.ceil(self._chosen(self._seconds) * self.rate))

    def unheard(self) -> list[str]:
        """The names of inputs that begin after the end of the mix, or end before its start."""
        end = self._chosen(self._seconds)
        known = zip(self._inputs, self._seconds, strict=True)
        return [self._files[one.number - 1].name for one, last in known if last <= 0 or one.offset >= end]

    def blocks(self, context: Context, share: float, warn: Warn) -> Iterator[NDArray[np.float64]]:
        """The sum block by block; `share` is the part of the progress at its end."""
        import numpy as np

        with ExitStack() as opened:
            parts = [self._part(self._opened(opened, one, self.channels, warn), one) for one in self._inputs]
            done = 0
            while True:
                blocks = [next(part, None) for part in parts]
                sizes = [0 if block is None else block.shape[1] for block in blocks]
                size = int(self._chosen(sizes))
                if not size:
                    return
                total = np.zeros((self.channels, size))
                for block, one in zip(blocks, self._inputs, strict=True):
                    if block is not None:
                        part = block[:, :size]
                        total[:, : part.shape[1]] += part * _factors(one, self.channels)
                done += size
                context.progress(share * min(1.0, done / self.length), "mix")
                yield total

    def _chosen(self, lengths: Sequence[float]) -> float:
        return {"longest": max(lengths), "shortest": min(lengths), "first": lengths[0]}[self._params.length]

    def _opened(self, opened: ExitStack, one: _Input, channels: int | None, warn: Warn) -> SoundStream:
        from avstudio_audio.media.stream import open_stream

        file = self._files[one.number - 1]
        track = self._params.track if one.number == 1 else None
        return opened.enter_context(
            open_stream(file.path, channels=channels, track=track, warn=warn, limits=self.limits)
        )

    def _part(self, stream: SoundStream, one: _Input) -> Iterator[NDArray[np.float32]]:
        from avstudio_audio.media.chunks import chunks
        from avstudio_audio.media.resample import resampled

        blocks = stream.blocks_from()
        if stream.rate != self.rate:
            blocks = resampled(blocks, self.channels, stream.rate, self.rate, best=True)
        return chunks(blocks, self.channels, round(one.offset * self.rate))


def _factors(one: _Input, channels: int) -> NDArray[np.float64]:
    """The gains of the channels; a pan lowers the other side, so that 0 changes nothing."""
    import numpy as np

    gain = 10 ** (one.gain / 20)
    sides = [min(1.0, 1 - one.pan), min(1.0, 1 + one.pan)] if channels == 2 else [1.0] * channels
    return gain * np.array(sides)[:, None]


def _written(source: Artifact, mixture: _Mixture, params: MixParams, factor: float, context: Context) -> MixResult:
    import numpy as np

    from avstudio_audio.loudness.limiter import Limiter

    encoding = encoding_of(params, mixture.bits, changed=True)
    tell_dither(params, encoding, context.warn)
    labels = kept_labels(source, mixture.limits, changed=True, wanted=params.tags)
    labels = replace(labels, chapters=())
    name = source.name_for(f".mix{params.format.suffix}")
    path, done, peak = context.new_path(name), 0, 0.0
    limiter = Limiter(mixture.rate, mixture.channels, 0.0) if params.on_clip == "limit" else None
    shape = mixture.rate, mixture.channels, mixture.length
    with labelled_encoder(path, encoding, *shape, labels=labels, warn=context.warn) as write:
        for block in mixture.blocks(context, 0.98, context.warn):
            done, peak = done + block.shape[1], max(peak, float(np.abs(block).max()))
            scaled = (block * factor).astype(np.float32)
            write(limiter.feed(scaled) if limiter else scaled)
        if limiter and done:
            write(limiter.rest())
        if not done:
            raise InvalidInput("The mix is empty.", hint="Choose the length 'longest', or other offsets.")
    for unheard in mixture.unheard():
        context.warn("not_heard", f"Nothing of '{unheard}' is in the mix: its offset is beyond the end, or the start.")
    tell_lost_labels(path, labels, context)
    facts = MediaFacts(duration=done / mixture.rate, rate=mixture.rate, channels=mixture.channels)
    return MixResult(
        sound=context.publish(path, name, params.format.media_type, facts),
        duration=done / mixture.rate,
        rate=mixture.rate,
        channels=mixture.channels,
        peak_dbfs=20 * math.log10(peak) if peak else None,
        gain_db=20 * math.log10(factor) - (limiter.reduction if limiter else 0.0),
        effective={"bits": encoding.bits, "dither": str(encoding.dither), "rate": mixture.rate},
    )
