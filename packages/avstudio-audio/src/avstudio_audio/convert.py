"""`audio.convert`: a recording in another format."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from avstudio_audio.encoding_params import EncodingParams, check_copied, check_encoding, encoding_of, tell_encoding
from avstudio_audio.file_labels import kept_labels, labelled_encoder, tell_lost_labels
from avstudio_audio.vocabulary import ConvertWords
from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor, Result
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.media.labels import Labels
    from avstudio_audio.media.limits import Limits
    from avstudio_audio.media.stream import SoundStream

SOUND = "sound"
SPEAKERS = {"FL": "left", "FR": "right", "FC": "center", "LFE": "lfe", "BL": "back_left", "BR": "back_right"}
"""Names of outputs; other speakers have FFmpeg's name in lower case."""
COUNTS: dict[str, int | None] = {"keep": None, "split": None, "mono": 1, "stereo": 2}
CHANGES = ("rate", "channels", "gain")
"""Parameters that change the samples."""


class ConvertParams(EncodingParams):
    """The new format."""

    rate: int | None = Field(
        default=None,
        ge=100,
        le=1_000_000,
        description="Sample rate; by default that of the source.",
        json_schema_extra={"unit": "Hz"},
    )
    channels: Literal["keep", "mono", "stereo", "split"] = Field(
        default="keep", description="The channels to make; 'split' writes each to a file of its own."
    )
    gain: float = Field(
        default=0.0,
        ge=-120,
        le=60,
        description="Change of the level; lower it if a lossy source clips.",
        json_schema_extra={"unit": "dB"},
    )
    stream_copy: bool = Field(
        default=False, description="Copy the encoded sound into the container as it is, without loss, or fail."
    )


class ConvertResult(Result):
    """The converted files."""

    files: dict[str, Artifact] = Field(
        description="The file, or one for each channel.", json_schema_extra={"view": "player"}
    )
    rate: int = Field(description="Sample rate.", json_schema_extra={"unit": "Hz"})
    channels: int = Field(description="Channels of each file.")
    bits: int | None = Field(description="Bits of a sample; 32 is floating point; lossy formats have none.")
    duration: float = Field(description="Length.", json_schema_extra={"unit": "s"})
    copied: bool = Field(description="Whether the encoded sound was copied as it was.")


class Convert(ConvertWords, Processor[ConvertParams, ConvertResult]):
    """Convert a recording to another format, sample rate, bit depth or number of channels.

    Tags, the cover and chapters are kept where the format can store them. The sound of a video is extracted.
    """

    name: ClassVar[str] = "audio.convert"
    accepts: ClassVar[tuple[str, ...]] = ("audio/*", "video/*", "application/octet-stream")

    def outputs(self, params: ConvertParams) -> dict[str, str]:
        names = ("left", "right") if params.channels == "split" else (SOUND,)
        return dict.fromkeys(names, params.format.media_type)

    def needs(self, params: ConvertParams, source: Artifact | None) -> Needs:
        check_copied(params, CHANGES)
        check_encoding(params)
        return Needs()

    def run(self, source: Artifact, params: ConvertParams, context: Context) -> ConvertResult:
        from avstudio_audio.media.limits import Limits

        context.progress(0.0, "read")
        limits = Limits.of(context.settings)
        labels = kept_labels(source, limits, changed=params.channels != "keep" or params.gain != 0, wanted=params.tags)
        if params.stream_copy:
            return _copied(source, params, labels, limits, context)
        return _encoded(source, params, labels, limits, context)


def _copied(source: Artifact, params: ConvertParams, labels: Labels, limits: Limits, context: Context) -> ConvertResult:
    from avstudio_audio.media.contents import probe
    from avstudio_audio.media.stream_copy import copy_stream

    path = context.new_path(source.name_for(params.format.suffix))
    whole = source.facts.duration or 0.0

    def progress(at: float) -> None:
        context.progress(min(at / whole, 1.0) if whole else 0.0, "copy")

    copy_stream(
        source.path, path, params.format, labels=labels, track=params.track, progress=progress, streams=limits.streams
    )
    contents = probe(path)
    sound, facts = contents.audio[0], contents.facts()
    tell_lost_labels(path, labels, context)
    file = context.publish(path, path.name, params.format.media_type, facts)
    return ConvertResult(
        files={SOUND: file},
        rate=sound.rate or 0,
        channels=sound.channels or 0,
        bits=sound.bits,
        duration=contents.duration or 0.0,
        copied=True,
        effective={"codec": sound.codec, "track": params.track},
    )


def _encoded(
    source: Artifact, params: ConvertParams, labels: Labels, limits: Limits, context: Context
) -> ConvertResult:
    import numpy as np

    from avstudio_audio.media.encode import written_rate
    from avstudio_audio.media.stream import open_stream

    with (
        open_stream(
            source.path,
            channels=COUNTS[params.channels],
            track=params.track,
            progress=lambda part: context.progress(0.98 * part, "convert"),
            warn=context.warn,
            limits=limits,
        ) as stream,
        ExitStack() as open_files,
    ):
        rate = params.rate or stream.rate
        names = _names(params, stream, source)
        encoding = encoding_of(params, stream.bits, changed=_changes(params, stream, rate))
        tell_encoding(params, stream.bits, encoding, source.name, context.warn)
        channels = stream.channels if len(names) == 1 else 1
        paths = {name: context.new_path(file) for name, file in names.items()}
        length = max(1, -(-stream.length * rate // stream.rate))
        new = partial(labelled_encoder, labels=labels, warn=context.warn)
        writers = [open_files.enter_context(new(path, encoding, rate, channels, length)) for path in paths.values()]
        done = 0
        for block in _blocks(stream, rate, params.gain):
            context.check()
            for number, write in enumerate(writers):
                write(np.ascontiguousarray(block[number : number + 1]) if len(writers) > 1 else block)
            done += block.shape[1]
        if not done:
            raise InvalidInput(f"'{source.name}' does not have any sound.")
    written = written_rate(params.format, rate)
    for path in paths.values():
        tell_lost_labels(path, labels, context)
    facts = MediaFacts(duration=done / rate, rate=written, channels=channels)
    return ConvertResult(
        files={name: context.publish(path, path.name, params.format.media_type, facts) for name, path in paths.items()},
        rate=written,
        channels=channels,
        bits=encoding.bits,
        duration=done / rate,
        copied=False,
        effective={"bits": encoding.bits, "dither": str(encoding.dither), "rate": written, "track": params.track},
    )


def _changes(params: ConvertParams, stream: SoundStream, rate: int) -> bool:
    """Whether the samples will differ from those of the source."""
    from avstudio_audio.media.encode import written_rate

    other_rate = rate != stream.rate or written_rate(params.format, rate) != rate
    return other_rate or stream.channels != stream.source_channels or params.gain != 0


def _blocks(stream: SoundStream, rate: int, gain: float) -> Iterator[NDArray[np.float32]]:
    """The sound from the start of the file at a rate in Hz, its level changed by `gain` in dB."""
    import numpy as np

    from avstudio_audio.media.resample import resampled

    blocks = stream.blocks_from()
    if rate != stream.rate:
        blocks = resampled(blocks, stream.channels, stream.rate, rate, best=True)
    factor = np.float32(10 ** (gain / 20))
    return blocks if gain == 0 else (block * factor for block in blocks)


def _names(params: ConvertParams, stream: SoundStream, source: Artifact) -> dict[str, str]:
    """File names by the names of outputs."""
    suffix = params.format.suffix
    if params.channels != "split":
        return {SOUND: source.name_for(suffix)}
    if stream.channels < 2:
        message = f"'{source.name}' has one channel, which cannot be split."
        raise InvalidInput(message, hint="Leave out 'channels': the file is that channel.")
    speakers = [SPEAKERS.get(one, one.lower()) for one in stream.speakers]
    if len(set(speakers)) < len(speakers):
        speakers = [f"channel_{number + 1}" for number in range(stream.channels)]
    return {name: source.name_for(f".{name}{suffix}") for name in speakers}
