"""The samples that encoders put before and after the sound, as files state them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.stated_length import mp3_start

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext

LAME_START = 1 << 16
"""The bytes at the start of the sound that are searched for LAME's header."""
LAME = re.compile(rb"(?:Xing|Info).{116}(?:LAME|Lavf|Lavc).{17}(.{3})", re.DOTALL)
"""A header with all four fields, the name of the encoder, and 12 bits for each of the two numbers."""
ITUNES = re.compile(r"\s*[0-9A-Fa-f]+\s+([0-9A-Fa-f]+)\s+([0-9A-Fa-f]+)\s")
"""The tag iTunSMPB."""


def encoder_gaps(codec: AudioCodecContext, tags: Mapping[str, str], path: Path) -> tuple[int | None, int | None]:
    """The delay and the padding in samples; `None` for what the file does not state."""
    name, header = codec.codec.canonical_name, codec.extradata or b""
    if name == "opus" and header.startswith(b"OpusHead"):
        return int.from_bytes(header[10:12], "little"), None
    if name == "mp3" and (found := LAME.search(_start(path))):
        numbers = int.from_bytes(found[1])
        return numbers >> 12, numbers & 0xFFF
    if name == "aac" and (given := ITUNES.match(tags.get("itunsmpb", ""))):
        return int(given[1], 16), int(given[2], 16)
    return None, None


def _start(path: Path) -> bytes:
    """The start of an MP3 after its tags."""
    return mp3_start(path, LAME_START)[0]
