"""Finds the scenes of a video while its frames go by."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from avstudio_core.documents.scenes import Scene
from avstudio_video.scenes.detectors import SCORES, Detector
from avstudio_video.scenes.look import SceneLook
from avstudio_video.scenes.scores import ContentScore
from avstudio_video.scenes.transition import Transition, TransitionKind
from avstudio_video.scenes.transition_finder import TransitionFinder
from avstudio_video.scenes.typed_cuts import boundaries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_video.frames.choice import FrameTimeline

    Pixels = NDArray[np.uint8]


class SceneFinder:
    """Scores each frame once for each kind of score that the detectors need."""

    def __init__(self, detectors: Sequence[Detector], *, look: bool = False) -> None:
        """With `look`, scenes have their sharpness and motion."""
        self._detectors = detectors
        self._scores = {kind: kind() for kind in dict.fromkeys(SCORES[one.name] for one in detectors)}
        self._finder = TransitionFinder() if any(one.name == "auto" for one in detectors) else None
        self._look = SceneLook() if look else None
        self._stamps: list[int] = []
        self._found: list[Transition] = []
        self._kinds: dict[int | None, TransitionKind] = {}
        """How the scenes start that do not start with a cut, by the number of their first frame."""

    def feed(self, stamp: int, small: Pixels) -> None:
        """Look at the small picture of the next frame."""
        self._stamps.append(stamp)
        for score in self._scores.values():
            score.feed(small)
        for one in (self._finder, self._look):
            if one:
                one.feed(small)

    def finish(self) -> None:
        """Look at what is left when the video has ended."""
        self._found = self._finder.transitions() if self._finder else []
        self._kinds = {one.boundary: one.kind for one in reversed(self._found)}

    def transitions(self, timeline: FrameTimeline) -> Iterator[tuple[Transition, float, float]]:
        """What takes longer than a cut, with its time in seconds."""
        for one in self._found:
            end = timeline.time(self._stamps[one.end]) if one.end < len(self._stamps) else timeline.end
            yield one, max(0.0, timeline.time(self._stamps[one.start])), end

    def scenes(self, timeline: FrameTimeline, rate: Fraction, shortest: float) -> list[Scene]:
        """The scenes, at least `shortest` seconds long, of a video with a nominal rate."""
        unit, first = timeline.index.unit, self._stamps[0]
        places = [round((stamp - first) * unit * rate) for stamp in self._stamps]
        least = round(shortest * rate)
        found: dict[int, list[str]] = {}
        for detector in self._detectors:
            for number in self._starts(detector, places, least):
                found.setdefault(number, []).append(detector.name)
        found.pop(0, None)
        starts = [0, *sorted(found)]
        return [self._scene(timeline, starts, number, found) for number in range(len(starts))]

    def _starts(self, detector: Detector, places: list[int], least: int) -> list[int]:
        """The numbers of the frames with which scenes start."""
        scores = self._scores[SCORES[detector.name]].values
        if detector.name != "auto":
            cuts = detector.cuts(places, scores, least)
            return [min(bisect_left(places, place), len(places) - 1) for place in cuts]
        cuts = detector.cuts(range(len(places)), scores, 0)
        return boundaries(cuts, self._found, places, least)

    def _scene(self, timeline: FrameTimeline, starts: list[int], number: int, found: dict[int, list[str]]) -> Scene:
        place = starts[number]
        last = starts[number + 1] if number + 1 < len(starts) else len(self._stamps)
        after = self._stamps[last] if last < len(self._stamps) else None
        content = self._scores.get(ContentScore)
        shown = timeline.index.shown
        return Scene(
            id=number,
            start=max(0.0, timeline.time(self._stamps[place])),
            end=timeline.end if after is None else timeline.time(after),
            start_frame=timeline.index.number_at(self._stamps[place]),
            end_frame=len(shown) if after is None else timeline.index.number_at(after),
            transition=self._transition(place, found.get(place, [])),
            score=content.values[place] if content and number else None,
            detectors=found.get(place, []),
            **(self._look.of(place, last) if self._look else {}),
        )

    def _transition(self, place: int, detectors: list[str]) -> Literal["start", "cut", "fade", "dissolve", "wipe"]:
        """How the scene starts whose first frame has a number."""
        if not place:
            return "start"
        kind = self._kinds.get(place)
        if kind == "dissolve" or kind == "wipe":
            return kind
        return "fade" if kind or detectors == ["threshold"] else "cut"
