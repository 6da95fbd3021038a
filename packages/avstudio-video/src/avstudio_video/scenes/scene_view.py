"""What the search for scenes needs of a frame: some numbers and a tiny picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from avstudio_video.libraries import opencv
from avstudio_video.scenes.detectors import Detector, score_kinds
from avstudio_video.scenes.gradual import HEIGHT, WIDTH
from avstudio_video.scenes.look import FrameLook, FrameLooks
from avstudio_video.scenes.small_picture import SmallPictures

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class SceneView:
    """Parts of it are `None` if they are not wanted."""

    scores: Sequence[float]
    """In the order of `score_kinds`."""
    tiny: Pixels | None
    """The frame in the size of the pictures of `gradual`."""
    look: FrameLook | None


class SceneViewer:
    """Sees frames that follow each other; each is compared with the one before it."""

    def __init__(self, detectors: Sequence[Detector], *, look: bool) -> None:
        """For some detectors; with `look`, sharpness and motion are measured, too."""
        self._cv2: Any = opencv("Finding scenes")
        self._small = SmallPictures()
        self._scores = [kind() for kind in score_kinds(detectors)]
        self._tiny = any(one.name == "auto" for one in detectors)
        self._looks = FrameLooks() if look else None

    def of(self, frame: VideoFrame) -> SceneView:
        """What is seen in the next frame."""
        small = self._small.of(frame)
        return SceneView(
            [one.of(small) for one in self._scores],
            self._reduced(small) if self._tiny else None,
            self._looks.of(small) if self._looks else None,
        )

    def _reduced(self, small: Pixels) -> Pixels:
        tiny: Pixels = self._cv2.resize(small, (WIDTH, HEIGHT), interpolation=self._cv2.INTER_AREA)
        return tiny if tiny.shape[2] == 3 else self._cv2.cvtColor(tiny, self._cv2.COLOR_BGRA2BGR)
