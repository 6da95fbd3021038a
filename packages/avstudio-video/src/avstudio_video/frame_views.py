"""What the analyses of a video need of a frame, made once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from avstudio_core.errors import NotEnoughMemory
from avstudio_video.analyze_params import AnalyzeParams, detectors_of
from avstudio_video.encoding.tone_map import DEEP, ToneMap
from avstudio_video.events.black import is_black
from avstudio_video.events.letterbox import Bars, bars_of
from avstudio_video.frames.files import encoded
from avstudio_video.frames.picture import Shape
from avstudio_video.media.colours import HLG, PQ
from avstudio_video.media.frame_pass import FramePass
from avstudio_video.media.planes import eight_bits
from avstudio_video.media.steps import Steps
from avstudio_video.scenes.scene_view import SceneView, SceneViewer
from avstudio_video.scenes.sheet_frames import SheetSteps
from avstudio_video.scenes.thumbnails import QUALITY, thumbnail_step

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

LOOKS = Fraction(1)
"""Seconds between the frames in which black bars are looked for."""


@dataclass(slots=True)
class FrameView:
    """Parts of it are `None` if they are not wanted, or not of this frame."""

    scene: SceneView | None = None
    plain: VideoFrame | None = None
    """The whole frame, with components of 8 bits in planes."""
    black: bool | None = None
    bars: Bars | None = None
    size: tuple[int, int] = (0, 0)
    """Width and height of the frame with the bars."""
    thumbnail: bytes | None = None
    tile: Pixels | None = None
    """A picture for the contact sheet."""


class FrameViewer:
    """Makes the views of frames that follow each other."""

    def __init__(self, params: AnalyzeParams, passed: FramePass, most: int) -> None:
        """For a pass that has begun; pictures of a contact sheet may take `most` MB."""
        from av.video.reformatter import VideoReformatter

        self._params, self._passed, self._most = params, passed, most
        self._wanted = set(params.analyses)
        look = "look" in self._wanted
        self._scenes = SceneViewer(detectors_of(params), look=look) if "scenes" in self._wanted else None
        self._tones: ToneMap | None = None
        self._scaler, self._narrow = VideoReformatter(), VideoReformatter()
        self._bars = Steps(LOOKS)
        self._thumbnails = Steps(thumbnail_step(params.min_scene, passed.index.unit))
        self._tiles = SheetSteps(params.contact_sheet or 1, passed.stated_end)

    def __call__(self, stamp: int, frame: VideoFrame) -> FrameView:
        view = FrameView(self._scenes.of(frame) if self._scenes else None)
        if {"black", "freeze", "letterbox"} & self._wanted:
            self._see_components(view, stamp, frame)
        if self._params.thumbnails and self._thumbnails.begins(stamp):
            view.thumbnail = encoded(self._picture(frame), "jpeg", QUALITY)
        if self._params.contact_sheet and self._tiles.begins(self._passed.time(stamp)):
            self._check_memory()
            view.tile = self._picture(frame)
        return view

    def _see_components(self, view: FrameView, stamp: int, frame: VideoFrame) -> None:
        looks = "letterbox" in self._wanted and self._bars.begins(stamp * self._passed.index.unit)
        if not (looks or {"black", "freeze"} & self._wanted):
            return
        plain = eight_bits(frame, self._scaler)
        view.plain = plain if "freeze" in self._wanted else None
        view.black = is_black(plain) if "black" in self._wanted else None
        view.bars, view.size = bars_of(plain) if looks else None, (plain.width, plain.height)

    def _picture(self, frame: VideoFrame) -> Pixels:
        shape = Shape(self._passed.rotation, self._passed.aspect, width=self._params.thumbnail_width)
        if int(frame.color_trc) in (PQ, HLG):
            self._tones = self._tones or ToneMap(frame, DEEP)
            frame = self._tones.of(frame)
        return shape.pixels(frame, self._narrow)

    def _check_memory(self) -> None:
        """Raise `NotEnoughMemory` for a contact sheet that is too large, with the pictures that are kept for it."""
        count, width = self._params.contact_sheet, self._params.thumbnail_width
        height = Shape(self._passed.rotation, self._passed.aspect, width=width).size(*self._passed.size)[1]
        need = 4 * count * width * height * 3 / 1e6
        if 0 < self._most < need:
            hint = "Ask for fewer or narrower pictures, or allow more with the setting 'media_mb'."
            raise NotEnoughMemory(
                f"This contact sheet takes {need:.0f} MB of memory, more than {self._most}.", hint=hint
            )
