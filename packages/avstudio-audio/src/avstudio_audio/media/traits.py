"""The encoder of each audio format, and its limits."""

from __future__ import annotations

from dataclasses import dataclass

from avstudio_audio.media.formats import AudioFormat


@dataclass(frozen=True, slots=True)
class Traits:
    """One format, named as in the library that writes it: FFmpeg if it has `rates`, otherwise libsndfile."""

    container: str
    codec: str
    max_channels: int
    bits: int = 0
    """Bits of an integer sample; 0 for formats that are written from floats."""
    clips: bool = True
    """Whether values beyond full scale are clipped."""
    rates: tuple[int, ...] = ()
    """The sample rates that the encoder supports, in Hz; empty for any."""
    bit_rate: int = 0
    """Bits per second and channel; 0 if the quality is constant instead."""
    layouts: tuple[str, ...] = ("mono", "stereo")
    """FFmpeg's names, by the number of channels."""


_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_AAC_RATES = (7_350, *_MP3_RATES, 64_000, 88_200, 96_000)
_SURROUND = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")

# Vorbis is also written by libsndfile, which has libvorbis: FFmpeg's own encoder is experimental. LAME has a
# constant quality, because its constant bit rates also lower the volume by up to 5 %.
TRAITS = {
    AudioFormat.WAV: Traits("WAV", "PCM_16", 1024, bits=16),
    AudioFormat.WAV24: Traits("WAV", "PCM_24", 1024, bits=24),
    AudioFormat.WAV_FLOAT: Traits("WAV", "FLOAT", 1024, clips=False),
    AudioFormat.FLAC: Traits("FLAC", "PCM_24", 8, bits=24),
    AudioFormat.OGG: Traits("OGG", "VORBIS", 2, clips=False),
    AudioFormat.MP3: Traits("mp3", "libmp3lame", 2, rates=_MP3_RATES),
    AudioFormat.OPUS: Traits("ogg", "libopus", 2, rates=(48_000,), bit_rate=64_000),
    AudioFormat.M4A: Traits("ipod", "aac", 8, clips=False, rates=_AAC_RATES, bit_rate=128_000, layouts=_SURROUND),
}
