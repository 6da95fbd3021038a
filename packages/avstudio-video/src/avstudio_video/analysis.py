"""All analyses of a video in one pass: each wants some form of the frames, which is made once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from avstudio_core import Context
from avstudio_core.documents.scenes import Scenes
from avstudio_video.analyze_params import AnalyzeParams, detectors_of
from avstudio_video.events.black import BlackSpans
from avstudio_video.events.freeze import FreezeSpans
from avstudio_video.events.letterbox import Letterbox
from avstudio_video.frame_views import FrameView, FrameViewer
from avstudio_video.frames.choice import FrameTimeline
from avstudio_video.media.cores import usable_cores
from avstudio_video.media.frame_pass import FramePass
from avstudio_video.media.index import USUAL_RATE
from avstudio_video.media.limits import Limits
from avstudio_video.media.range_decoder import RangesDiffer
from avstudio_video.media.streams import display_size, square_size
from avstudio_video.memory import DECODERS
from avstudio_video.scenes.finder import SceneFinder
from avstudio_video.scenes.sheet_frames import SheetFrames, SheetSteps
from avstudio_video.scenes.thumbnails import Thumbnails
from avstudio_video.scenes.transition import Transition
from avstudio_video.sound.measures import SoundMeasures, SoundWishes
from avstudio_video.sound.tracks import DEFAULT, chosen_tracks

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

SOUND = {"silence", "loudness", "waveform", "speech"}
"""What is found in the sound."""


class Analysis:
    """One run over a file, and what it found."""

    def __init__(self, path: Path, params: AnalyzeParams, context: Context) -> None:
        self._params, self._context = params, context
        limits = Limits.of(context.settings)
        wanted = set(params.analyses)
        listen = self._listen if wanted & SOUND else None
        self.passed = FramePass(
            path, params.stream, limits, lambda part: context.progress(0.95 * part, "analyze"), listen
        )
        self.sound: SoundMeasures | None = None
        self._finder = SceneFinder(detectors_of(params)) if "scenes" in wanted else None
        self._black = BlackSpans() if "black" in wanted else None
        self._freeze = FreezeSpans() if "freeze" in wanted else None
        self.letterbox = Letterbox() if "letterbox" in wanted else None
        self._thumbnails: Thumbnails | None = None
        self.speech: Path | None = None
        self.sheet: SheetFrames | None = None
        self.frames = 0

    @classmethod
    def of(cls, path: Path, params: AnalyzeParams, context: Context) -> Analysis:
        """Analyze a file, with decoders on several cores if its ranges can be decoded apart.

        Frozen spans compare whole pictures one after the other, which one decoder gives. Raises the errors of
        `FramePass.views`.
        """
        cores = 1 if "freeze" in params.analyses else min(DECODERS, usable_cores(context.settings.threads))
        with suppress(RangesDiffer):
            return cls(path, params, context)._run(cores)
        return cls(path, params, context)._run(1)

    def _run(self, decoders: int) -> Analysis:
        most = self._context.settings.media_mb
        for stamp, view in self.passed.views(lambda: FrameViewer(self._params, self.passed, most), decoders):
            self._feed(stamp, view)
        for one in (self._black, self._freeze, self._finder):
            if one:
                one.finish()
        self.timeline = FrameTimeline(self.passed.index, self.passed.origin)
        return self

    def _feed(self, stamp: int, view: FrameView) -> None:
        self.frames += 1
        if self._finder and view.scene:
            self._finder.feed(stamp, view.scene)
        if self._black:
            self._black.feed(stamp, black=bool(view.black))
        if self._freeze and view.plain:
            self._freeze.feed(stamp, view.plain)
        if self.letterbox and view.bars:
            self.letterbox.feed(view.bars, view.size)
        if view.thumbnail:
            self._keep(stamp, view.thumbnail)
        if view.tile is not None:
            self._collect(stamp, view.tile)

    def _listen(self, container: InputContainer, origin: Fraction) -> SoundMeasures:
        """Measure the main audio track, too. Raises `NoAudioStream`."""
        params, wanted = self._params, set(self._params.analyses)
        [track] = chosen_tracks(container, self.passed.path, DEFAULT)
        wishes = SoundWishes(
            (params.silence_level, params.min_silence) if "silence" in wanted else None,
            "loudness" in wanted,
            "waveform" in wanted,
            self._context.new_path("speech.wav") if "speech" in wanted else None,
        )
        self.speech = wishes.speech
        self.sound = SoundMeasures(track, origin, wishes)
        return self.sound

    def _keep(self, stamp: int, picture: bytes) -> None:
        if self._thumbnails is None:
            self._thumbnails = Thumbnails(self._context.new_path)
        self._thumbnails.feed(stamp, picture)

    def _collect(self, stamp: int, picture: Pixels) -> None:
        if self.sheet is None:
            count = self._params.contact_sheet
            self.sheet = SheetFrames(count, SheetSteps(count, self.passed.stated_end))
        self.sheet.feed(self.passed.time(stamp), picture)

    def scenes(self) -> Scenes | None:
        """The scenes, if they were asked for."""
        if self._finder is None:
            return None
        rate = self.passed.rate
        return Scenes(
            duration=self.timeline.end,
            rate=str(rate) if rate else None,
            variable_rate=self.passed.index.variable,
            timecode=self.passed.timecode,
            scenes=self._finder.scenes(self.timeline, rate or USUAL_RATE, self._params.min_scene),
        )

    def pictures(self, scenes: Scenes) -> list[list[Path]]:
        """The thumbnails of each scene."""
        found = self._thumbnails
        return found.chosen(scenes.scenes, self.timeline, self._params.thumbnails) if found else []

    def transitions(self) -> Iterator[tuple[Transition, float, float]]:
        """Transitions that take longer than a cut, and flashes, with their times in seconds."""
        if self._finder:
            yield from self._finder.transitions(self.timeline)

    def events(self) -> Iterator[tuple[Literal["black", "freeze"], float, float]]:
        """Black and frozen spans in seconds, in order."""
        end, unit = self.passed.index.end, self.passed.index.unit
        found: list[tuple[Literal["black", "freeze"], float, float]] = []
        kinds: list[tuple[Literal["black", "freeze"], BlackSpans | FreezeSpans | None, float]] = [
            ("black", self._black, self._params.min_black),
            ("freeze", self._freeze, self._params.min_freeze),
        ]
        for kind, spans, least in kinds:
            for one in spans.spans if spans else ():
                if one.length(end) * unit >= Fraction(least) - Fraction(1, 1_000_000):
                    stop = end if one.end is None else one.end
                    found.append((kind, self.timeline.time(one.start), self.timeline.time(stop)))
        yield from sorted(found, key=lambda event: event[1])

    def key_frames(self) -> list[float]:
        """The times of key frames."""
        return [self.timeline.time(stamp) for stamp in self.passed.index.keys]

    @property
    def display_size(self) -> tuple[int, int]:
        """The size of the picture on the screen."""
        return display_size(*square_size(*self.passed.size, self.passed.aspect), self.passed.rotation)
