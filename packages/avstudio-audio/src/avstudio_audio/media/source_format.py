"""The format that keeps that of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.traits import TRAITS

if TYPE_CHECKING:
    from avstudio_audio.media.contents import Contents

CODECS = {
    "flac": AudioFormat.FLAC,
    "alac": AudioFormat.ALAC,
    "mp3": AudioFormat.MP3,
    "vorbis": AudioFormat.OGG,
    "opus": AudioFormat.OPUS,
    "aac": AudioFormat.M4A,
}
"""By FFmpeg's name of the codec; those with uncompressed samples depend on the container."""


def source_format(contents: Contents, channels: int) -> AudioFormat | None:
    """The format of a file without video, or `None` if sound cannot be written in it."""
    if contents.video or not contents.audio:
        return None
    codec = next((one.codec for one in contents.audio if one.index == contents.main), None) or ""
    if codec.startswith("pcm_"):
        found = AudioFormat.AIFF if contents.container == "aiff" else AudioFormat.WAV
    elif codec in CODECS:
        found = CODECS[codec]
    else:
        return None
    return found if channels <= TRAITS[found].max_channels else None
