"""The formats in which sound can be written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class AudioFormat(StrEnum):
    """A container with its codec."""

    WAV = "wav"
    """16 bit."""
    WAV24 = "wav24"
    WAV32 = "wav32"
    """32-bit integers."""
    WAV_FLOAT = "wav-float"
    """32-bit float: it keeps values beyond full scale."""
    FLAC = "flac"
    """24 bit, lossless."""
    AIFF = "aiff"
    """16 bit."""
    ALAC = "alac"
    """24 bit, lossless, in an `.m4a` file."""
    MP3 = "mp3"
    OGG = "ogg"
    """Vorbis."""
    OPUS = "opus"
    M4A = "m4a"
    """AAC."""
    M4B = "m4b"
    """AAC with the name of an audiobook."""

    @property
    def suffix(self) -> str:
        """The suffix of a file's name, with its dot."""
        return _SUFFIXES.get(self, f".{self}")

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self.suffix]


class Dither(StrEnum):
    """Noise that replaces the distortion of rounding to fewer bits."""

    NONE = "none"
    TPDF = "tpdf"
    """White, of a triangular density: the error does not depend on the sound."""
    SHAPED = "shaped"
    """Moved to frequencies where hearing is weak; only to 16 bits."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A format with its settings; `None` is the default of the format."""

    format: AudioFormat
    bits: int | None = None
    """Bits of a sample; 32 is floating point, except in `wav32`."""
    dither: Dither = Dither.NONE
    bit_rate: int | None = None
    """Bits per second, of all channels; only lossy formats have one."""
    quality: Literal["low", "medium", "high"] = "high"
    """Of a lossy format without a `bit_rate`."""


_SUFFIXES = {
    AudioFormat.WAV24: ".wav",
    AudioFormat.WAV32: ".wav",
    AudioFormat.WAV_FLOAT: ".wav",
    AudioFormat.ALAC: ".m4a",
}
_MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".aiff": "audio/aiff",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".m4b": "audio/mp4",
}
