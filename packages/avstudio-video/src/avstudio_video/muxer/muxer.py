"""Puts the tracks of several files together in a new file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from avstudio_video.encoding.containers import SoundCodec, chosen_sound
from avstudio_video.encoding.overload import Overload
from avstudio_video.encoding.sound_codecs import SoundEncoder, sound_encoder
from avstudio_video.encoding.sound_track import SoundEncoding, SoundTrack
from avstudio_video.encoding.video_track import VideoTrack
from avstudio_video.media.depth import bits_of
from avstudio_video.media.streams import codec_of
from avstudio_video.media.tags import stream_tags, without_timecode
from avstudio_video.muxer.cues import CueTrack
from avstudio_video.muxer.feeds import CopiedPart, CuePart, EncodedPart, Part, merged
from avstudio_video.muxer.inputs import MuxInput, Wanted
from avstudio_video.muxer.labels import for_format
from avstudio_video.muxer.picture import EncodedPicture, PictureEncoding
from avstudio_video.packets.packet_file import PacketFile
from avstudio_video.sound.decoded_track import DecodedTrack

Sound = Literal["auto", "copy"] | SoundCodec
"""How sound is written: copied where possible, copied in any case, or in a codec."""


@dataclass
class Muxed:
    """One track of the new file."""

    wanted: Wanted
    part: Part | EncodedPicture
    stream: Any
    codec: str
    copied: bool
    stream_index: int = field(init=False)

    def __post_init__(self) -> None:
        self.stream_index = self.stream.index

    @property
    def lost(self) -> int:
        """Packets that could not be decoded, or not be copied."""
        match self.part:
            case CopiedPart():
                return self.part.track.lost
            case EncodedPart():
                return self.part.decoder.lost
        return 0

    @property
    def silent(self) -> float:
        """Seconds of the gaps between packets of sound."""
        match self.part:
            case CopiedPart():
                return float(self.part.track.silent)
            case EncodedPart():
                return self.part.decoder.silent / self.part.decoder.rate
        return 0.0

    @property
    def overload(self) -> Overload | None:
        """The samples that the file cannot store, of sound that is encoded."""
        return self.part.track.overload if isinstance(self.part, EncodedPart) else None

    @property
    def empty(self) -> bool:
        """Whether nothing was written to it."""
        match self.part:
            case CopiedPart():
                return not self.part.track.packets
            case EncodedPart():
                return not self.part.written
            case CuePart():
                return not self.part.track.cues
            case EncodedPicture():
                return not self.part.track.frames
        return False


@dataclass
class Muxer:
    """Makes the tracks of a new file, and writes all inputs to it in one pass."""

    file: PacketFile
    sound_codec: Sound = "auto"
    picture: PictureEncoding | None = None
    """How pictures are encoded; `None` copies those that the container takes."""
    end: Fraction | None = None
    """Where the file is cut."""
    tracks: list[Muxed] = field(default_factory=list)

    def add(self, wanted: Wanted) -> None:
        """A track for a stream: copied, or encoded if the container does not take it. Raises `InvalidInput`."""
        add = {"video": self._picture, "audio": self._sound, "subtitle": self._subtitles}[wanted.kind]
        made = add(wanted)
        made.stream.metadata.update(self._tags(wanted))
        made.stream.disposition = disposition(wanted)
        if not isinstance(made.part, EncodedPicture):
            wanted.input.parts[wanted.stream.index] = made.part
        self.tracks.append(made)

    def write(self, inputs: Sequence[MuxInput], progress: Callable[[Fraction], None]) -> None:
        """Write all packets; `progress` is called with the time that is reached."""
        copies = any(one.copied and one.wanted.kind == "video" for one in self.tracks)
        hidden = self.file.format.edited or not copies
        feeds = [one.feed(self.end, hidden=hidden) for one in inputs if one.parts]
        drawn = [one.part.feed() for one in self.tracks if isinstance(one.part, EncodedPicture)]
        for time, write in merged([*drawn, *feeds]):
            write()
            progress(time)

    def _picture(self, wanted: Wanted) -> Muxed:
        if self.picture is None:
            return self._copied(wanted)
        encoding, pictures = self.picture.encoding, self.picture.pictures(wanted)
        track = VideoTrack(self.file.container, self.file.name, encoding, pictures.shape)
        part = EncodedPicture(pictures, track, self.end)
        return Muxed(wanted, part, self.file.container.streams[-1], encoding.codec, False)

    def _copied(self, wanted: Wanted) -> Muxed:
        track = self.file.add(wanted.stream, {}, 0)
        part = CopiedPart(self.file, track, wanted.input.shift - wanted.input.origin)
        return Muxed(wanted, part, track.stream, codec_of(wanted.stream), True)

    def _sound(self, wanted: Wanted) -> Muxed:
        codec, takes = codec_of(wanted.stream), self.file.format.takes(wanted.stream)
        same = codec.startswith("pcm_") if self.sound_codec == "pcm" else codec == self.sound_codec
        if self.sound_codec == "copy" or (takes and (same or self.sound_codec == "auto")):
            return self._copied(wanted)
        chosen = chosen_sound(self.file.name, None if self.sound_codec == "auto" else self.sound_codec)
        assert chosen
        part = self._encoded(wanted, sound_encoder(chosen, bits_of(wanted.stream.codec_context)))
        return Muxed(wanted, part, self.file.container.streams[-1], chosen, False)

    def _encoded(self, wanted: Wanted, encoder: SoundEncoder) -> EncodedPart:
        decoder = DecodedTrack(wanted.stream, wanted.input.origin)
        track = SoundTrack(self.file.container, SoundEncoding(encoder, decoder.rate, decoder.layout))
        return EncodedPart(decoder, track, wanted.input.shift, self.end)

    def _subtitles(self, wanted: Wanted) -> Muxed:
        if self.file.format.takes(wanted.stream):
            return self._copied(wanted)
        decoder = wanted.stream.codec_context
        decoder.open(strict=False)  # which makes the header
        made = self.file.format
        track = CueTrack(self.file.container, made.texts, decoder.subtitle_header, divided=made.edited)
        part = CuePart(track, wanted.input.shift - wanted.input.origin, self.end)
        return Muxed(wanted, part, track.stream, made.texts, False)

    def _tags(self, wanted: Wanted) -> dict[str, str]:
        tags = stream_tags(wanted.stream.metadata)
        if wanted.labels is not None:
            shown = {name: tags[name] for name in ("language", "title") if name in tags}
            tags = shown | wanted.labels.tags()
        return for_format(tags if wanted.timed else without_timecode(tags), self.file.name)


def disposition(wanted: Wanted) -> int:
    """The uses of a new track, in FFmpeg's bits."""
    from av.stream import Disposition

    kept = int(wanted.stream.disposition) if wanted.labels is None else 0
    if wanted.default is not None:
        kept = kept & ~Disposition.default | (Disposition.default if wanted.default else 0)
    return kept | (Disposition.forced if wanted.forced else 0)
