"""The codecs of sound in finished videos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    bits: int = 16
    """Bits of a sample, for one without loss; 32 are floating point."""


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
DEEPER: Mapping[SoundCodec, tuple[SoundEncoder, ...]] = MappingProxyType(
    {
        "flac": (SoundEncoder("flac", "s32", bits=24),),
        "alac": (SoundEncoder("alac", "s32p", bits=24),),
        "pcm": (
            SoundEncoder("pcm_s24le", "s32", max_channels=64, bits=24),
            SoundEncoder("pcm_f32le", "flt", max_channels=64, bits=32),
        ),
    }
)
"""The encoders of codecs without loss for more than 16 bits, in the order of their bits."""
AT_THE_BACK = {"5.1(side)": "5.1", "5.0(side)": "5.0"}
"""The same channels by the usual names of their speakers: films have the others (AC-3, DTS)."""


def sound_encoder(codec: SoundCodec, bits: int | None) -> SoundEncoder:
    """The encoder of a codec for sound of so many bits, or for as many as it has; `None` for sound with loss."""
    deeper = [one for one in DEEPER.get(codec, ()) if one.bits <= (bits or 0)]
    return deeper[-1] if deeper else SOUND_ENCODERS[codec]


def usable_rate(encoder: str, rate: int) -> int:
    """The rate itself if the encoder has it, or else the next higher one, or its highest."""
    import av

    rates = sorted(av.Codec(encoder, "w").audio_rates or ())
    return rate if not rates or rate in rates else next((one for one in rates if one > rate), rates[-1])


def usable_layout(encoder: str, layout: str) -> str:
    """The speakers themselves, or those at the back in place of the sides for encoders that know only these."""
    return layout if encoder.startswith(("flac", "pcm")) else AT_THE_BACK.get(layout, layout)
