"""Copies the encoded sound of a file to another file, without decoding it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.container import open_media
from avstudio_audio.media.ffmpeg_writer import container_options, write_labels
from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.labels import NO_LABELS, Labels
from avstudio_audio.media.output_file import output_file
from avstudio_audio.media.reader import between
from avstudio_audio.media.tracks import audio_tracks
from avstudio_audio.media.traits import TRAITS
from avstudio_core.errors import InvalidInput, InvalidParams
from avstudio_core.spans import WHOLE, Span

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet


COPIED = {
    AudioFormat.WAV: ("pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_u8", "pcm_s32le", "pcm_f64le"),
    AudioFormat.FLAC: ("flac",),
    AudioFormat.AIFF: ("pcm_s16be", "pcm_s24be", "pcm_f32be", "pcm_s32be"),
    AudioFormat.ALAC: ("alac",),
    AudioFormat.MP3: ("mp3",),
    AudioFormat.OGG: ("vorbis", "opus", "flac"),
    AudioFormat.OPUS: ("opus",),
    AudioFormat.M4A: ("aac", "alac"),
    AudioFormat.M4B: ("aac", "alac"),
}
"""FFmpeg's names of the codecs that each format takes as they are."""


LEADING = ("mp3", "aac", "vorbis", "opus")
LEAD = 0.05
"""Seconds before a span that these codecs need, because their packets depend on the ones before."""
HALF = 2**31
"""From here on, FFmpeg's duration of a packet is a negative number of 32 bits: the last one of a short Ogg file."""


def copy_stream(  # noqa: PLR0913
    source: Path,
    target: Path,
    format: AudioFormat,
    *,
    labels: Labels = NO_LABELS,
    track: str | None = None,
    span: Span = WHOLE,
    progress: Callable[[float], None] = lambda part: None,
    streams: int = 0,
) -> Span:
    """Copy one track, or the packets of a span of it, and return the time of the first and the end of the last one.

    A span is widened to whole packets. `progress` gets the time in the source, in seconds. Raises `InvalidParams` if
    the format does not take the codec, `InvalidInput` for a span without sound, and the errors of reading and writing.
    """
    with open_media(source, streams) as container:
        stream = audio_tracks(container, source, track)[0]
        _check(stream, format)
        traits = TRAITS[format]
        name = "wav" if traits.container == "WAV" else traits.container.lower()
        options = container_options(traits, stream.codec_context.sample_rate)
        with output_file(target, format) as file:
            import av

            with av.open(file, "w", format=name, container_options=options) as output:
                return _copied(container, stream, output, labels, span, progress)


def _check(stream: AudioStream, format: AudioFormat) -> None:
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    possible = COPIED.get(format, ())
    if codec not in possible:
        fitting = [f"'{one}'" for one, codecs in COPIED.items() if codec in codecs]
        hint = f"Choose the format {' or '.join(fitting)}, or allow encoding." if fitting else "Allow encoding."
        raise InvalidParams(f"'{format}' does not take the codec '{codec}' as it is.", hint=hint)


def _copied(
    container: InputContainer,
    stream: AudioStream,
    output: OutputContainer,
    labels: Labels,
    span: Span,
    progress: Callable[[float], None],
) -> Span:
    copy = output.add_stream_from_template(stream)
    write_labels(output, labels)
    origin = (container.start_time or 0) / 1_000_000
    first: float | None = None
    last, base = span[0], 0
    for begin, packet in _packets(container, stream, origin, span):
        if first is None:
            first, base = begin, (packet.pts or 0) if span != WHOLE else 0
        last = begin + float((packet.duration or 0) * (stream.time_base or 0))
        packet.stream = copy
        if base:
            packet.pts, packet.dts = (packet.pts or 0) - base, (packet.dts or 0) - base
        output.mux(packet)
        progress(last)
    if first is None:
        raise InvalidInput(f"It does not have sound {between(span)}.")
    return first, last


def _packets(
    container: InputContainer, stream: AudioStream, origin: float, span: Span
) -> Iterator[tuple[float, Packet[AudioStream]]]:
    """The packets that overlap a span, with their times from the start of the file, in seconds."""
    codec = stream.codec_context.codec.canonical_name
    lead = LEAD if codec in LEADING else 0.0
    for packet in container.demux(stream):
        if packet.dts is None or packet.pts is None:
            continue
        if (packet.duration or 0) >= HALF:
            packet.duration = (packet.duration or 0) - 2 * HALF
        unit = stream.time_base or 0
        begin = float(packet.pts * unit) - origin
        if begin >= span[1]:
            return
        if lead >= span[0] or begin + float((packet.duration or 0) * unit) > span[0] - lead:
            yield begin, packet
