"""The bits of the samples that a codec stores."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext


def bits_of(codec: AudioCodecContext) -> int | None:
    """Bits per sample, from the codec's name (`pcm_s24le`) or the header of FLAC (RFC 9639, section 8.2) or ALAC."""
    name, header = codec.codec.canonical_name, codec.extradata or b""
    if name == "flac" and len(header) >= 14:
        return ((header[12] & 1) << 4 | header[13] >> 4) + 1
    if name == "alac" and len(header) >= 18:
        return header[17] or None
    pcm = re.match(r"pcm_[sufd]+(\d+)", name)
    return int(pcm[1]) if pcm else None
