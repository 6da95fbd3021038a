"""The formats in which sound can be written."""

from __future__ import annotations

from enum import StrEnum


class AudioFormat(StrEnum):
    """A container with its codec."""

    WAV = "wav"
    """16 bit."""
    WAV24 = "wav24"
    WAV_FLOAT = "wav-float"
    """32-bit float: the only lossless format that keeps values beyond full scale."""
    FLAC = "flac"
    """24 bit, lossless."""
    MP3 = "mp3"
    OGG = "ogg"
    """Vorbis."""
    OPUS = "opus"
    M4A = "m4a"
    """AAC."""

    @property
    def suffix(self) -> str:
        """The suffix of a file's name, with its dot."""
        return ".wav" if self in (AudioFormat.WAV24, AudioFormat.WAV_FLOAT) else f".{self}"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self.suffix]


_MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
}
