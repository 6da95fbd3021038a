"""The depth of sound: the bits of a sample, which only codecs without loss have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext

LOSSLESS = ("flac", "alac", "wavpack", "tta", "truehd", "mlp", "ape")
FLOATING = 32
BITS = {"u8": 16, "s16": 16, "s32": 24, "s64": 24, "flt": FLOATING, "dbl": FLOATING}
"""By FFmpeg's sample format: integers of 32 bits hold 24, as far as samples here have them."""


def is_lossless(codec: str) -> bool:
    """Whether a codec, in FFmpeg's name, stores samples without loss."""
    return codec in LOSSLESS or codec.startswith("pcm_")


def bits_of(codec: AudioCodecContext) -> int | None:
    """16, 24, or 32 for floating point; `None` for a codec with loss."""
    if codec.format is None or not is_lossless(codec.codec.canonical_name):
        return None
    return BITS.get(codec.format.packed.name, 16)
