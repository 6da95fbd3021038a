"""The rules of readable subtitles, and the presets of style guides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from avstudio_core.documents.frame_grid import MILLISECONDS, FrameGrid

Preset = Literal["none", "netflix", "bbc", "youtube"]


@dataclass(frozen=True, slots=True)
class SubtitleRules:
    """Limits of cues; times in seconds. The defaults are those without a style guide."""

    columns: int = 42
    """The width of a line."""
    lines: int = 2
    """The most lines of a cue."""
    reading_speed: float = 20.0
    """The most columns a second; a cue with more is shown longer, if the next cue leaves time."""
    shortest: float = 0.833
    """The shortest time of a cue; it is shorter only if the next cue leaves no time."""
    longest: float = 7.0
    """The longest time of a cue."""
    gap: float = 0.0
    """The shortest time between two cues."""
    closed_gap: float = 0.0
    """A time between two cues that is shorter is closed to `gap`, because it looks like a flicker."""
    grid: FrameGrid = MILLISECONDS
    """The times at which cues begin and end: milliseconds, or the frames of a video."""


NONE = SubtitleRules()
_FRAMES = 2
"""The gap of Netflix in frames; a gap is closed if it is shorter than twelve."""
_CLOSED_FRAMES = 12
_NETFLIX_SPEED = {"ar": 20.0, "en": 20.0, "hi": 22.0, "ja": 8.0, "ko": 24.0, "zh": 18.0}
"""Columns a second by language: Chinese, Japanese and Korean characters have two columns."""
_NETFLIX_COLUMNS = {"ja": 26, "ko": 32, "zh": 32}
_NETFLIX_OTHER_SPEED = 17.0


def rules(preset: Preset, language: str, frame_rate: float = 24.0) -> SubtitleRules:
    """The rules of a preset for a language, given as an ISO 639 code; `frame_rate` in frames a second.

    `netflix` follows the Timed Text Style Guide for adult programmes, `bbc` the Subtitle Guidelines (37 characters,
    180 words a minute, no gap below a second), `youtube` the captions that any of its players shows.
    """
    if preset == "netflix":
        return SubtitleRules(
            columns=_NETFLIX_COLUMNS.get(language, 42),
            reading_speed=_NETFLIX_SPEED.get(language, _NETFLIX_OTHER_SPEED),
            gap=_FRAMES / frame_rate,
            closed_gap=_CLOSED_FRAMES / frame_rate,
        )
    if preset == "bbc":
        return SubtitleRules(columns=37, reading_speed=17.0, shortest=1.0, closed_gap=1.0)
    if preset == "youtube":
        return SubtitleRules(columns=32, shortest=1.0, closed_gap=0.25)
    return NONE
