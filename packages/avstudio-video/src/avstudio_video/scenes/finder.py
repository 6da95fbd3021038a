"""Finds the scenes of a video from what was seen in its frames."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from avstudio_core.documents.scenes import Scene
from avstudio_video.scenes.detectors import SCORES, Detector, score_kinds
from avstudio_video.scenes.look import SceneLook
from avstudio_video.scenes.scene_view import SceneView
from avstudio_video.scenes.scores import ContentScore
from avstudio_video.scenes.transition import Transition, TransitionKind
from avstudio_video.scenes.transition_finder import TransitionFinder
from avstudio_video.scenes.typed_cuts import boundaries

if TYPE_CHECKING:
    from avstudio_video.frames.choice import FrameTimeline


class SceneFinder:
    """Keeps some numbers for each frame."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = detectors
        self._scores = {kind: array("d") for kind in score_kinds(detectors)}
        self._finder = TransitionFinder()
        self._look = SceneLook()
        self._stamps: list[int] = []
        self._found: list[Transition] = []
        self._kinds: dict[int | None, TransitionKind] = {}
        """How the scenes start that do not start with a cut, by the number of their first frame."""

    def feed(self, stamp: int, view: SceneView) -> None:
        """Note what was seen in the next frame."""
        self._stamps.append(stamp)
        for values, score in zip(self._scores.values(), view.scores, strict=True):
            values.append(score)
        if view.tiny is not None:
            self._finder.feed(view.tiny)
        if view.look:
            self._look.feed(view.look)

    def finish(self) -> None:
        """Look at what is left when the video has ended."""
        self._found = self._finder.transitions()
        self._kinds = {one.boundary: one.kind for one in reversed(self._found)}

    def transitions(self, timeline: FrameTimeline) -> Iterator[tuple[Transition, float, float]]:
        """What takes longer than a cut, with its time in seconds."""
        for one in self._found:
            end = timeline.time(self._stamps[one.end]) if one.end < len(self._stamps) else timeline.end
            yield one, max(0.0, timeline.time(self._stamps[one.start])), end

    def scenes(self, timeline: FrameTimeline, rate: Fraction, shortest: float) -> list[Scene]:
        """The scenes, at least `shortest` seconds long, of a video with a nominal rate."""
        unit, first = timeline.index.unit, self._stamps[0]
        places = [rounded(stamp - first, unit * rate) for stamp in self._stamps]
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
        scores = self._scores[SCORES[detector.name]]
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
            score=content[place] if content and number else None,
            detectors=found.get(place, []),
            **self._look.of(place, last),
        )

    def _transition(self, place: int, detectors: list[str]) -> Literal["start", "cut", "fade", "dissolve", "wipe"]:
        """How the scene starts whose first frame has a number."""
        if not place:
            return "start"
        kind = self._kinds.get(place)
        if kind == "dissolve" or kind == "wipe":
            return kind
        return "fade" if kind or detectors == ["threshold"] else "cut"


def rounded(count: int, step: Fraction) -> int:
    """So many steps, as `round(count * step)`, which takes ten times as long."""
    whole, rest = divmod(count * step.numerator, step.denominator)
    return whole + (2 * rest + whole % 2 > step.denominator)
