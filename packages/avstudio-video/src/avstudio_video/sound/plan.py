"""What is written of each track."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, Self

from avstudio_core.errors import InvalidInput
from avstudio_video.media.depth import bits_of, is_lossless
from avstudio_video.media.streams import codec_of, stated_end
from avstudio_video.sound.formats import FORMATS, SoundFormat, format_for_copy
from avstudio_video.sound.mixdown import Mixdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from avstudio_core.spans import Span

Channels = Literal["keep", "mono", "stereo", "split"]
SLACK = Fraction(1, 1000)
"""Seconds by which sound may start late and still start with the picture."""
COUNTS = {"mono": 1, "stereo": 2}
SPEAKERS = {"FL": "left", "FR": "right", "FC": "center", "LFE": "lfe", "BL": "back_left", "BR": "back_right"}
"""Names of outputs; other speakers have FFmpeg's name in lower case."""


@dataclass(frozen=True)
class Wish:
    """What a request says about every track."""

    mode: Literal["auto", "copy", "transcode"]
    format: SoundFormat | None
    rate: int | None
    channels: Channels
    bits: int | None
    bit_rate: int | None
    offset: bool
    spans: list[Span]
    whole: bool
    """Whether the request is for the whole file, and not for parts."""

    @property
    def changed(self) -> bool:
        """Whether the sound must be encoded."""
        given = (self.rate, self.bits, self.bit_rate)
        return self.channels != "keep" or any(one is not None for one in given)


@dataclass(frozen=True)
class Output:
    """One file of a track."""

    key: str
    span: Span
    layout: str | None = None
    """FFmpeg's name of its speakers; `None` for those of the source."""
    channel: int | None = None
    """The only channel that is written."""
    mixdown: Mixdown | None = None

    def mix(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The channels of this file from those of the source."""
        if self.channel is not None:
            return block[self.channel : self.channel + 1]
        return self.mixdown.mix(block) if self.mixdown else block


@dataclass(frozen=True)
class Track:
    """What is known about a track; a stream must not be asked after its file is closed."""

    index: int
    language: str | None
    title: str | None
    codec: str
    layout: str
    stated_end: float
    """In seconds of the file; 0 if it is not stated."""

    @classmethod
    def of(cls, stream: Any, origin: Fraction) -> Self:
        """Describe a stream of an open file, which starts at `origin` seconds."""
        codec, end = stream.codec_context, stated_end(stream, origin)
        title = stream.metadata.get("title")
        return cls(stream.index, stream.language, title, codec_of(stream), codec.layout.name, end)


@dataclass(frozen=True)
class TrackPlan:
    """How one track is written."""

    stream: Any
    """Only while the file is open."""
    source: Track
    format: SoundFormat
    copied: bool
    bits: int | None
    wish: Wish
    outputs: list[Output]


def plan_track(stream: Any, origin: Fraction, wish: Wish, prefix: str) -> TrackPlan:
    """Decide how to write a track of a file that starts at `origin` seconds. Raises `InvalidInput`."""
    late = (stream.start_time or 0) * (stream.time_base or 0) - origin > SLACK
    codec = codec_of(stream)
    format = wish.format or _format(codec, late, wish)
    traits = FORMATS[format]
    fits = traits.takes(codec)
    if wish.mode == "copy" and not fits:
        other = format_for_copy(codec, late)
        hint = f"Give the format '{other}', or allow to transcode." if other != format else "Allow to transcode."
        raise InvalidInput(f"'{format}' does not take the codec '{codec}' as it is.", hint=hint)
    keeps = traits.offset or not (late and wish.offset)
    exact = wish.mode == "auto" and (wish.changed or not wish.whole or not keeps)
    copied = fits and wish.mode != "transcode" and not exact
    names = [channel.name for channel in stream.codec_context.layout.channels]
    count = len(names) if wish.channels == "keep" else COUNTS.get(wish.channels, 1)
    if not copied and count > traits.max_channels:
        message = f"'{format}' takes at most {traits.max_channels} channels, and the track {stream.index} has {count}."
        raise InvalidInput(message, hint="Give channels 'stereo', or another format.")
    outputs = [one for part in _parts(wish, prefix) for one in _channels(wish, names, *part)]
    return TrackPlan(
        stream, Track.of(stream, origin), format, copied, wish.bits or bits_of(stream.codec_context), wish, outputs
    )


def _format(codec: str, late: bool, wish: Wish) -> SoundFormat:
    exact = wish.mode == "transcode" or (wish.mode == "auto" and (wish.changed or not wish.whole))
    found = format_for_copy(codec, late and wish.offset)
    if wish.mode == "copy" or (not exact and FORMATS[found].takes(codec)):
        return found
    return "flac" if is_lossless(codec) else "m4a"


def _parts(wish: Wish, prefix: str) -> Iterator[tuple[str, Span]]:
    for number, span in enumerate(wish.spans, 1):
        part = f"part_{number}" if len(wish.spans) > 1 else ""
        yield "_".join(filter(None, (prefix, part))), span


def _channels(wish: Wish, names: list[str], key: str, span: Span) -> Iterator[Output]:
    if wish.channels == "split" and len(names) > 1:
        for number, name in enumerate(names):
            speaker = SPEAKERS.get(name, name.lower())
            yield Output("_".join(filter(None, (key, speaker))), span, "mono", number)
        return
    count = COUNTS.get(wish.channels, len(names))
    if count == len(names):
        yield Output(key or "sound", span)
    else:
        yield Output(key or "sound", span, "mono" if count == 1 else "stereo", mixdown=Mixdown(names, count))
