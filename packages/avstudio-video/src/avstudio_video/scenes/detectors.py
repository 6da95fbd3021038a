"""The detectors of scenes: a score of frames, and a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from avstudio_video.scenes.rules import adaptive_cuts, content_cuts, fade_cuts, spaced_cuts
from avstudio_video.scenes.scores import BrightnessScore, ContentScore, HashScore, HistogramScore, Score

DetectorName = Literal["auto", "adaptive", "content", "threshold", "histogram", "hash"]
THRESHOLDS: dict[str, float] = {
    "auto": 3.0,
    "adaptive": 3.0,
    "content": 27.0,
    "threshold": 12.0,
    "histogram": 0.2,
    "hash": 0.35,
}
"""The default threshold of each detector."""
SCORES: dict[str, type[Score]] = {
    "auto": ContentScore,
    "adaptive": ContentScore,
    "content": ContentScore,
    "threshold": BrightnessScore,
    "histogram": HistogramScore,
    "hash": HashScore,
}


@dataclass(frozen=True)
class Detector:
    """One detector with its threshold."""

    name: DetectorName
    threshold: float
    lowest: float
    """The least difference of a cut, for `auto` and `adaptive`."""

    def cuts(self, places: Sequence[int], scores: Sequence[float], least: int) -> list[int]:
        """The positions at which scenes start; see `rules`. For `auto`, these are the cuts among them."""
        if self.name in ("auto", "adaptive"):
            return adaptive_cuts(places, scores, self.threshold, self.lowest, least)
        rules: dict[str, Callable[[Sequence[int], Sequence[float], float, int], list[int]]] = {
            "content": content_cuts,
            "threshold": fade_cuts,
        }
        return rules.get(self.name, spaced_cuts)(places, scores, self.threshold, least)


def score_kinds(detectors: Iterable[Detector]) -> list[type[Score]]:
    """The scores that some detectors need, each once."""
    return list(dict.fromkeys(SCORES[one.name] for one in detectors))
