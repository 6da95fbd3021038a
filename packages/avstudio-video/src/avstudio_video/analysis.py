"""All analyses of a video in one pass: each wants some form of the frames, which is made once."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from avstudio_core import Context
from avstudio_core.documents.scenes import Scenes
from avstudio_core.errors import NotEnoughMemory
from avstudio_video.analyze_params import AnalyzeParams
from avstudio_video.events.black import BlackSpans
from avstudio_video.events.freeze import FreezeSpans
from avstudio_video.events.letterbox import Letterbox
from avstudio_video.frames.choice import FrameTimeline
from avstudio_video.frames.picture import Shape
from avstudio_video.media.frame_pass import FramePass
from avstudio_video.media.index import USUAL_RATE
from avstudio_video.media.limits import Limits
from avstudio_video.media.planes import eight_bits
from avstudio_video.media.streams import display_size, square_size
from avstudio_video.scenes.detectors import THRESHOLDS, Detector
from avstudio_video.scenes.finder import SceneFinder
from avstudio_video.scenes.sheet_frames import SheetFrames
from avstudio_video.scenes.thumbnails import Thumbnails
from avstudio_video.scenes.transition import Transition
from avstudio_video.sound.measures import SoundMeasures, SoundWishes
from avstudio_video.sound.tracks import DEFAULT, chosen_tracks

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

SOUND = {"silence", "loudness", "waveform", "speech"}
"""What is found in the sound."""
LOOKS = Fraction(1)
"""Seconds between the frames in which black bars are looked for."""


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
        lowest = params.min_content
        detectors = [
            Detector(one, params.threshold or THRESHOLDS[one], lowest) for one in dict.fromkeys(params.detectors)
        ]
        self._finder = SceneFinder(detectors, look="look" in wanted) if "scenes" in wanted else None
        self._black = BlackSpans() if "black" in wanted else None
        self._freeze = FreezeSpans() if "freeze" in wanted else None
        self.letterbox = Letterbox() if "letterbox" in wanted else None
        self._thumbnails: Thumbnails | None = None
        self._next_look: Fraction | None = None
        self.speech: Path | None = None
        self.sheet: SheetFrames | None = None
        self.frames = 0

    def run(self) -> None:
        """Decode all frames. Raises the errors of `FramePass.frames`."""
        from av.video.reformatter import VideoReformatter

        scaler = VideoReformatter()
        for stamp, frame in self.passed.frames():
            self.frames += 1
            if self._finder:
                self._finder.feed(stamp, frame)
            if self._params.thumbnails:
                self._keep(stamp, frame)
            if self._params.contact_sheet:
                self._collect(stamp, frame)
            self._look(stamp, frame, scaler)
        for one in (self._black, self._freeze, self._finder):
            if one:
                one.finish()
        self.timeline = FrameTimeline(self.passed.index, self.passed.origin)

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

    def _keep(self, stamp: int, frame: VideoFrame) -> None:
        if self._thumbnails is None:
            width, shortest = self._params.thumbnail_width, self._params.min_scene
            self._thumbnails = Thumbnails(width, shortest, self.passed.index.unit, self._context.new_path)
        self._thumbnails.feed(stamp, frame, self.passed.rotation, self.passed.aspect)

    def _collect(self, stamp: int, frame: VideoFrame) -> None:
        passed = self.passed
        if self.sheet is None:
            count, width = self._params.contact_sheet, self._params.thumbnail_width
            self._check_memory(count, width)
            self.sheet = SheetFrames(count, width, passed.stated_end)
        self.sheet.feed(passed.time(stamp), frame, passed.rotation, passed.aspect)

    def _check_memory(self, count: int, width: int) -> None:
        """Raise `NotEnoughMemory` for a contact sheet that is too large, with the pictures that are kept for it."""
        height = Shape(self.passed.rotation, self.passed.aspect, width=width).size(*self.passed.size)[1]
        need, most = 4 * count * width * height * 3 / 1e6, self._context.settings.media_mb
        if 0 < most < need:
            hint = "Ask for fewer or narrower pictures, or allow more with the setting 'media_mb'."
            raise NotEnoughMemory(f"This contact sheet takes {need:.0f} MB of memory, more than {most}.", hint=hint)

    def _look(self, stamp: int, frame: VideoFrame, scaler: VideoReformatter) -> None:
        """Give a frame to the analyses of its components."""
        time = stamp * self.passed.index.unit
        looks = self.letterbox is not None and (self._next_look is None or time >= self._next_look)
        if not (self._black or self._freeze or looks):
            return
        plain = eight_bits(frame, scaler)
        for spans in (self._black, self._freeze):
            if spans:
                spans.feed(stamp, plain)
        if looks and self.letterbox:
            self._next_look = time + LOOKS
            self.letterbox.feed(plain)

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
