"""The formats in which sound is extracted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SoundFormat = Literal["m4a", "mka", "flac", "wav", "mp3", "opus"]


@dataclass(frozen=True, slots=True)
class Traits:
    """One format, in FFmpeg's names."""

    container: str
    media_type: str
    copied: tuple[str, ...]
    """The codecs that it takes as they are; empty for any."""
    codec: str
    max_channels: int = 8
    samples: str = "fltp"
    """The sample format of its encoder."""
    offset: bool = False
    """Whether a copy keeps a late start."""
    bit_rate: int = 0
    """The default for each channel in bit/s; 0 for a format without loss."""
    options: Mapping[str, str] = field(default_factory=dict)


FORMATS: dict[SoundFormat, Traits] = {
    "m4a": Traits("mp4", "audio/mp4", ("aac", "alac"), "aac", offset=True, bit_rate=96_000, options={"brand": "M4A "}),
    "mka": Traits("matroska", "audio/x-matroska", (), "flac", samples="s16", offset=True),
    "flac": Traits("flac", "audio/flac", ("flac",), "flac", samples="s16"),
    "wav": Traits(
        "wav", "audio/wav", ("pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_u8"), "pcm_s16le", 64, "s16"
    ),
    "mp3": Traits("mp3", "audio/mpeg", ("mp3",), "libmp3lame", 2, bit_rate=96_000),
    "opus": Traits("ogg", "audio/ogg", ("opus",), "libopus", samples="flt", bit_rate=64_000),
}
DEEP = {
    "flac": {24: ("flac", "s32")},
    "mka": {24: ("flac", "s32")},
    "wav": {24: ("pcm_s24le", "s32"), 32: ("pcm_f32le", "flt")},
}
"""Codec and sample format of formats without loss by the bits of a sample, besides 16."""
LOSSLESS = ("flac", "alac", "wavpack", "tta", "truehd", "mlp", "ape")


def is_lossless(codec: str) -> bool:
    """Whether a codec, in FFmpeg's name, stores samples without loss."""
    return codec in LOSSLESS or codec.startswith("pcm_")


def format_for_copy(codec: str, late: bool) -> SoundFormat:
    """The format that takes a codec as it is; `late` if its sound starts later than the picture."""
    usual: SoundFormat = next((name for name, one in FORMATS.items() if codec in one.copied), "mka")
    return usual if FORMATS[usual].offset or not late else "mka"
