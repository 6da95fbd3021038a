"""What a media file says about its sound: tags, a cover picture and chapters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_TAGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Cover:
    """A picture, as the content of its file."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A titled part, half-open in seconds."""

    start: float
    end: float
    title: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one file."""

    tags: Mapping[str, str] = field(default_factory=dict)
    cover: Cover | None = None
    chapters: tuple[Chapter, ...] = ()


NO_LABELS = Labels()


TECHNICAL = re.compile(
    r"encoder|encoded_by|encoding|major_brand|minor_version|compatible_brands|creation_time|handler_name|vendor_id"
    r"|language|duration|itun(smpb|norm|pgap)|tlen|tsse|metadata_block_picture|waveformatextensible_channel_mask"
    r"|id3v2_priv\..*|bps.*|number_of_.*|_statistics_.*|avstudio_.*"
)
"""Tags about a file and its encoding, not about the sound: they are wrong in another file."""
NUMBER = re.compile(r"\s*[-+]?\d+(\.\d+)?")
LOUDNESS = re.compile(r"replaygain_.*|r128_.*_gain")
"""Tags that are wrong after the sound has changed."""


def all_tags(tags: Mapping[str, str], *, changed: bool = False) -> dict[str, str]:
    """All tags about the sound, without control characters; `changed` leaves out those that depend on its level."""
    kept = {name: value for name, value in tags.items() if not TECHNICAL.fullmatch(name)}
    if changed:
        kept = {name: value for name, value in kept.items() if not LOUDNESS.fullmatch(name)}
    shown = {name: "".join(one for one in value if one.isprintable() or one == "\n") for name, value in kept.items()}
    return {name: value for name, value in shown.items() if value.strip()}


def replay_gain(tags: Mapping[str, str]) -> dict[str, float]:
    """ReplayGain by name: `track_gain` in dB, `track_peak` relative to full scale, and those of the album.

    Opus has gains in units of 1/256 dB, relative to −23 LUFS; ReplayGain is 5 dB louder (RFC 7845, section 5.2.1).
    """
    found: dict[str, float] = {}
    for name, value in tags.items():
        number = NUMBER.match(value)
        if number and name.startswith("replaygain_"):
            found[name.removeprefix("replaygain_")] = float(number[0])
        elif number and name in ("r128_track_gain", "r128_album_gain"):
            found.setdefault(name.removeprefix("r128_"), float(number[0]) / 256 + 5)
    return found


def lost_labels(wanted: Labels, found: Labels) -> list[str]:
    """What a file did not store, in words."""
    lost = [
        f"the tag '{name}'" for name, value in wanted.tags.items() if found.tags.get(name, "").strip() != value.strip()
    ]
    if wanted.cover and not found.cover:
        lost.append("the cover picture")
    if wanted.chapters and len(found.chapters) != len(wanted.chapters):
        lost.append(f"{len(wanted.chapters)} chapters")
    return lost
