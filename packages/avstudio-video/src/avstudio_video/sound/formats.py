"""The formats in which sound is extracted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import Literal

from avstudio_video.encoding.containers import SoundCodec
from avstudio_video.encoding.sound_codecs import SOUND_ENCODERS

SoundFormat = Literal["m4a", "mka", "flac", "wav", "mp3", "opus"]


@dataclass(frozen=True, slots=True)
class Traits:
    """One format, in FFmpeg's names."""

    container: str
    media_type: str
    copied: tuple[str, ...]
    """The codecs that it takes as they are; empty for all that its container stores."""
    codec: SoundCodec
    """The codec in which other sound is encoded."""
    offset: bool = False
    """Whether a copy keeps a late start."""
    options: Mapping[str, str] = field(default_factory=dict)

    def takes(self, codec: str) -> bool:
        """Whether it stores the packets of a codec as they are."""
        return codec in (self.copied or _storable(self.container))

    @property
    def max_channels(self) -> int:
        """The most channels that its encoder takes."""
        return SOUND_ENCODERS[self.codec].max_channels


FORMATS: dict[SoundFormat, Traits] = {
    "m4a": Traits("mp4", "audio/mp4", ("aac", "alac"), "aac", offset=True, options={"brand": "M4A "}),
    "mka": Traits("matroska", "audio/x-matroska", (), "flac", offset=True),
    "flac": Traits("flac", "audio/flac", ("flac",), "flac"),
    "wav": Traits("wav", "audio/wav", ("pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_u8"), "pcm"),
    "mp3": Traits("mp3", "audio/mpeg", ("mp3",), "mp3"),
    "opus": Traits("ogg", "audio/ogg", ("opus",), "opus"),
}


@cache
def _storable(container: str) -> frozenset[str]:
    """FFmpeg's canonical names of the codecs that a container stores, by the decoders for them."""
    import av

    found = set()
    with av.open(BytesIO(), "w", format=container) as file:
        for name in file.supported_codecs:
            with suppress(av.codec.codec.UnknownCodecError):
                found.add(av.Codec(name, "r").canonical_name)
    return frozenset(found)


def format_for_copy(codec: str, late: bool) -> SoundFormat:
    """The format that takes a codec as it is; `late` if its sound starts later than the picture."""
    usual: SoundFormat = next((name for name, one in FORMATS.items() if codec in one.copied), "mka")
    return usual if FORMATS[usual].offset or not late else "mka"
