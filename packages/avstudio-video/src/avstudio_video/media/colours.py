"""Names of colour spaces, and the kinds of HDR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_video.media.hdr_notes import UNTOLD, HdrNotes
from avstudio_video.media.stream_facts import Colour

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

RANGES = {1: "limited", 2: "full"}
PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
TRANSFERS = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
MATRICES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
}
"""FFmpeg's names by the numbers of ITU-T H.273."""
PQ, HLG = 16, 18


def colour_of(codec: VideoCodecContext) -> Colour:
    """The colour space that a stream states."""
    return Colour(
        range=RANGES.get(int(codec.color_range)),
        primaries=PRIMARIES.get(int(codec.color_primaries)),
        transfer=TRANSFERS.get(int(codec.color_trc)),
        matrix=MATRICES.get(int(codec.colorspace)),
    )


def hdr_of(codec: VideoCodecContext, frame: Any) -> str | None:
    """The kind of HDR: `HDR10` has metadata of the display on which it was mastered, `PQ` has none."""
    notes = HdrNotes.of(frame) if frame else UNTOLD
    if codec.codec_tag.startswith("dv") or notes.dolby:
        return "Dolby Vision"
    if int(codec.color_trc) == HLG:
        return "HLG"
    if int(codec.color_trc) != PQ:
        return None
    return "HDR10" if notes.told else "PQ"
