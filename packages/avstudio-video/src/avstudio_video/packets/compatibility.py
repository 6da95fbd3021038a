"""The compatibility of streams: those that are coded alike can follow each other in one track."""

from __future__ import annotations

from typing import Any

from avstudio_video.media.picture_decoder import states_opacity
from avstudio_video.media.streams import codec_of

TRAITS = {
    "video": {"width": "width", "height": "height", "pix_fmt": "pixel format", "profile": "profile"},
    "audio": {"sample_rate": "sample rate", "profile": "profile"},
}
"""What a decoder does not change in the middle of a stream, and its name in messages."""
COLOURS = {
    "color_range": "colour range",
    "colorspace": "matrix",
    "color_primaries": "primaries",
    "color_trc": "transfer",
}
"""What a file states once for a stream, likewise."""
UNKNOWN = {"color_range": 0}
"""The number of what is not stated; 2 for others (ITU-T H.273)."""


def difference(stream: Any, other: Any) -> str | None:
    """What differs in the coding of two streams, in words; `None` if their packets can follow each other."""
    if codec_of(stream) != codec_of(other):
        return f"its codec is {codec_of(stream)}, not {codec_of(other)}"
    mine, its = stream.codec_context, other.codec_context
    for trait, name in TRAITS.get(stream.type, {}).items():
        if getattr(mine, trait) != getattr(its, trait):
            return f"its {name} is {getattr(mine, trait)}, not {getattr(its, trait)}"
    for trait, name in COLOURS.items() if stream.type == "video" else ():
        known = {int(getattr(one, trait)) for one in (mine, its)} - {UNKNOWN.get(trait, 2)}
        if len(known) > 1:
            return f"its colours have another {name}"
    if states_opacity(stream) != states_opacity(other):
        return "one of them is transparent"
    if stream.type == "audio" and mine.layout.name != its.layout.name:
        return f"its layout of channels is {mine.layout.name}, not {its.layout.name}"
    return "its encoder had other settings" if mine.extradata != its.extradata else None
