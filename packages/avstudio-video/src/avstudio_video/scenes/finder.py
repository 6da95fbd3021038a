"""Finds the scenes of a video while its frames go by."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from avstudio_core.documents.scenes import Scene
from avstudio_video.scenes.detectors import SCORES, Detector
from avstudio_video.scenes.scores import ContentScore
from avstudio_video.scenes.small_picture import SmallPictures

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from avstudio_video.frames.choice import FrameTimeline


class SceneFinder:
    """Scores each frame once for each kind of score that the detectors need."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = detectors
        self._pictures = SmallPictures()
        self._scores = {kind: kind() for kind in dict.fromkeys(SCORES[one.name] for one in detectors)}
        self._stamps: list[int] = []

    def feed(self, stamp: int, frame: VideoFrame) -> None:
        """Look at the next frame."""
        self._stamps.append(stamp)
        small = self._pictures.of(frame)
        for score in self._scores.values():
            score.feed(small)

    def scenes(self, timeline: FrameTimeline, rate: Fraction, shortest: float) -> list[Scene]:
        """The scenes, at least `shortest` seconds long, of a video with a nominal rate."""
        unit, first = timeline.index.unit, self._stamps[0]
        places = [round((stamp - first) * unit * rate) for stamp in self._stamps]
        least = round(shortest * rate)
        found: dict[int, list[str]] = {}
        for detector in self._detectors:
            scores = self._scores[SCORES[detector.name]].values
            for place in detector.cuts(places, scores, least):
                found.setdefault(min(bisect_left(places, place), len(places) - 1), []).append(detector.name)
        found.pop(0, None)
        starts = [0, *sorted(found)]
        return [self._scene(timeline, starts, number, found) for number in range(len(starts))]

    def _scene(self, timeline: FrameTimeline, starts: list[int], number: int, found: dict[int, list[str]]) -> Scene:
        place = starts[number]
        after = self._stamps[starts[number + 1]] if number + 1 < len(starts) else None
        content = self._scores.get(ContentScore)
        detectors = found.get(place, [])
        shown = timeline.index.shown
        return Scene(
            id=number,
            start=max(0.0, timeline.time(self._stamps[place])),
            end=timeline.end if after is None else timeline.time(after),
            start_frame=timeline.index.number_at(self._stamps[place]),
            end_frame=len(shown) if after is None else timeline.index.number_at(after),
            transition="start" if not number else "fade" if detectors == ["threshold"] else "cut",
            score=content.values[place] if content and number else None,
            detectors=detectors,
        )
