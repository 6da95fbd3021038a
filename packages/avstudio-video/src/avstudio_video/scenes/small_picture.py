"""The small picture of a frame from which scenes are found, equal to that of PySceneDetect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_video.libraries import opencv
from avstudio_video.scenes.shrinker import Shrinker, shrinker_for

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


class SmallPictures:
    """Makes the small pictures of one stream."""

    def __init__(self) -> None:
        self._cv2: Any = opencv("Finding scenes")
        self._kind: tuple[int, int, str] | None = None
        self._shrinker: Shrinker | None = None

    def of(self, frame: VideoFrame) -> Pixels:
        """The small picture of a frame, as `Shrinker.of` gives it."""
        kind = frame.width, frame.height, frame.format.name
        if self._shrinker is None or kind != self._kind:  # the size of a video can change
            self._kind, self._shrinker = kind, shrinker_for(self._cv2, *kind)
        return self._shrinker.of(frame)
