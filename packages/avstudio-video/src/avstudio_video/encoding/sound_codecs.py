"""The codecs of sound in finished videos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from avstudio_video.encoding.containers import SoundCodec


@dataclass(frozen=True, slots=True)
class SoundEncoder:
    """One encoder of FFmpeg."""

    name: str
    samples: str
    """The sample format that it is given."""
    bit_rate: int = 0
    """The default for each channel in bit/s; 0 for one without loss."""
    max_channels: int = 8


SOUND_ENCODERS: Mapping[SoundCodec, SoundEncoder] = MappingProxyType(
    {
        "aac": SoundEncoder("aac", "fltp", 96_000),
        "opus": SoundEncoder("libopus", "flt", 64_000),
        "mp3": SoundEncoder("libmp3lame", "fltp", 96_000, 2),
        "flac": SoundEncoder("flac", "s16"),
        "alac": SoundEncoder("alac", "s16p"),
        "pcm": SoundEncoder("pcm_s16le", "s16", max_channels=64),
    }
)
DEEP: Mapping[SoundCodec, tuple[str, str]] = MappingProxyType(
    {"flac": ("flac", "s32"), "alac": ("alac", "s32p"), "pcm": ("pcm_s24le", "s32")}
)
"""The encoders and the sample formats for 24 bits."""
AT_THE_BACK = {"5.1(side)": "5.1", "5.0(side)": "5.0"}
"""The same channels by the usual names of their speakers: films have the others (AC-3, DTS)."""


def sound_encoder(codec: SoundCodec, bits: int) -> SoundEncoder:
    """The encoder of a codec, which keeps 24 bits if the codec is without loss."""
    encoder = SOUND_ENCODERS[codec]
    if bits == 16 or codec not in DEEP:
        return encoder
    name, samples = DEEP[codec]
    return replace(encoder, name=name, samples=samples)


def usable_rate(encoder: str, rate: int) -> int:
    """The rate itself if the encoder has it, or else the next higher one, or its highest."""
    import av

    rates = sorted(av.Codec(encoder, "w").audio_rates or ())
    return rate if not rates or rate in rates else next((one for one in rates if one > rate), rates[-1])


def usable_layout(encoder: str, layout: str) -> str:
    """The speakers themselves, or those at the back in place of the sides for encoders that know only these."""
    return layout if encoder.startswith(("flac", "pcm")) else AT_THE_BACK.get(layout, layout)
