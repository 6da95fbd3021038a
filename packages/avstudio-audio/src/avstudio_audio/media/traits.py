"""The encoder of each audio format, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from avstudio_audio.media.formats import AudioFormat, Encoding
from avstudio_audio.media.layouts import LAYOUTS
from avstudio_core.errors import InvalidParams

FLOAT = 32
"""Bits of a sample that is a floating-point number, in every format but one."""


@dataclass(frozen=True, slots=True)
class Traits:
    """One format, named as in the library that writes it."""

    library: Literal["ffmpeg", "sndfile"]
    container: str
    codecs: Mapping[int, str]
    """The codec by the bits of a sample, the default first; lossy codecs have 0."""
    max_channels: int
    clips: bool = True
    """Whether values beyond full scale are clipped, other than those of floating-point samples."""
    rates: tuple[int, ...] = ()
    """The sample rates that the encoder supports, in Hz; empty for any up to `max_rate`."""
    max_rate: int = 1_000_000
    """In Hz. libvorbis crashes above 200 kHz."""
    qualities: Mapping[str, float] = field(default_factory=dict)
    """Bits per second and channel, or the encoder's own number, for each quality of a lossy format."""
    bit_rates: tuple[int, int] | None = None
    """The range of bits per second; `None` if only the quality can be chosen."""
    layouts: tuple[str, ...] = ("mono", "stereo")
    """FFmpeg's names, by the number of channels."""
    options: Mapping[str, str] = field(default_factory=dict)
    """FFmpeg's options of the container."""
    planar: bool = False
    """Whether FFmpeg's encoder takes integers by channel."""
    integers: bool = False
    """Whether 32 bits are integers, too."""

    def rounds(self, bits: int) -> bool:
        """Whether samples of some bits are integers."""
        return 0 < bits < FLOAT or (bits == FLOAT and self.integers)

    def bits(self, encoding: Encoding) -> int:
        """Bits of a sample; 0 for a lossy format. Raises `InvalidParams`."""
        if encoding.bits is None:
            return next(iter(self.codecs))
        if encoding.bits not in self.codecs:
            possible = ", ".join(str(one) for one in self.codecs if one)
            hint = f"It supports {possible}." if possible else "It is lossy: leave out the bits of a sample."
            raise InvalidParams(f"'{encoding.format}' does not support {encoding.bits} bits.", hint=hint)
        return encoding.bits

    def check(self, encoding: Encoding) -> None:
        """Raises `InvalidParams` for bits and bit rates that the format does not have."""
        self.bits(encoding)
        low, high = self.bit_rates or (1, 0)
        if encoding.bit_rate is not None and not low <= encoding.bit_rate <= high:
            hint = f"Give {low // 1000} to {high // 1000} kbit/s." if high else "Leave it out."
            raise InvalidParams(f"'{encoding.format}' does not support {encoding.bit_rate / 1000:g} kbit/s.", hint=hint)


_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_AAC_RATES = (7_350, *_MP3_RATES, 64_000, 88_200, 96_000)
_MP4 = {"brand": "M4A ", "movie_timescale": "{rate}"}
"""FFmpeg states the length in units of the movie's time scale: its default, 1 ms, is too coarse for single samples."""


def _wav(*bits: int) -> Traits:
    names = {8: "PCM_U8", 16: "PCM_16", 24: "PCM_24", FLOAT: "FLOAT"}
    return Traits("sndfile", "WAV", {one: names[one] for one in bits}, 1024)


def _aac() -> Traits:
    return Traits(
        "ffmpeg",
        "mp4",
        {0: "aac"},
        8,
        clips=False,
        rates=_AAC_RATES,
        qualities={"low": 48_000, "medium": 80_000, "high": 128_000},
        bit_rates=(16_000, 1_024_000),
        layouts=LAYOUTS,
        options=_MP4,
    )


# Vorbis is also written by libsndfile, which has libvorbis: FFmpeg's own encoder is experimental. LAME has a
# constant quality, because its constant bit rates also lower the volume by up to 5 %. FFmpeg's ALAC encoder corrupts
# memory for some sound of six channels.
TRAITS = {
    AudioFormat.WAV: _wav(16, 8, 24, FLOAT),
    AudioFormat.WAV24: _wav(24),
    AudioFormat.WAV32: Traits("sndfile", "WAV", {32: "PCM_32"}, 1024, integers=True),
    AudioFormat.WAV_FLOAT: _wav(FLOAT),
    AudioFormat.FLAC: Traits("ffmpeg", "flac", {24: "flac", 16: "flac"}, 8, layouts=LAYOUTS),
    AudioFormat.AIFF: Traits(
        "ffmpeg",
        "aiff",
        {16: "pcm_s16be", 24: "pcm_s24be", FLOAT: "pcm_f32be"},
        8,
        layouts=LAYOUTS,
        options={"write_id3v2": "1"},
    ),
    AudioFormat.ALAC: Traits(
        "ffmpeg",
        "mp4",
        {24: "alac", 16: "alac"},
        2,
        options=_MP4,
        planar=True,
    ),
    AudioFormat.OGG: Traits(
        "sndfile",
        "OGG",
        {0: "VORBIS"},
        2,
        clips=False,
        max_rate=192_000,
        qualities={"low": 0.8, "medium": 0.6, "high": 0.4},
    ),
    AudioFormat.MP3: Traits(
        "ffmpeg",
        "mp3",
        {0: "libmp3lame"},
        2,
        rates=_MP3_RATES,
        qualities={"low": 6, "medium": 3, "high": 0},
        bit_rates=(8_000, 320_000),
    ),
    AudioFormat.OPUS: Traits(
        "ffmpeg",
        "ogg",
        {0: "libopus"},
        2,
        rates=(48_000,),
        qualities={"low": 24_000, "medium": 40_000, "high": 64_000},
        bit_rates=(6_000, 510_000),
    ),
    AudioFormat.M4A: _aac(),
    AudioFormat.M4B: _aac(),
}
