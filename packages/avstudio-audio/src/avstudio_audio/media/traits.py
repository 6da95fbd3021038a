"""What each sound format is written with, and what it can hold."""

from __future__ import annotations

from dataclasses import dataclass

from avstudio_audio.media.formats import AudioFormat


@dataclass(frozen=True, slots=True)
class Traits:
    """One format, in the words of the library that writes it: libsndfile, or FFmpeg where `rates` says so."""

    container: str
    codec: str
    max_channels: int
    bits: int = 0
    """Of an integer sample; 0 for formats that are given floats."""
    clips: bool = True
    """Whether what is beyond full scale is lost."""
    rates: tuple[int, ...] = ()
    """The sample rates that the encoder takes, in Hz; empty for any."""
    bit_rate: int = 0
    """Per channel, a second; 0 where quality is constant instead."""
    layouts: tuple[str, ...] = ("mono", "stereo")
    """FFmpeg's names, by the number of channels."""


_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_AAC_RATES = (7_350, *_MP3_RATES, 64_000, 88_200, 96_000)
_SURROUND = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")

# libsndfile for Vorbis too, because it has libvorbis: FFmpeg's own encoder is an experiment. LAME at a constant
# quality, because its constant bit rates also turn the volume down by up to 5 %.
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
