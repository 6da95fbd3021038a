"""Pictures with transparency that are drawn on frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from avstudio_video.effects.planes import blend, copy_of, frame_of, planes_of

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from avstudio_video.effects.planes import Alpha, Plane
    from avstudio_video.effects.streams import Clip

Position = Literal["top_left", "top", "top_right", "left", "center", "right", "bottom_left", "bottom", "bottom_right"]


def corner(position: Position, inner: tuple[int, int], outer: tuple[int, int], margin: int) -> tuple[int, int]:
    """Where the upper left corner of a picture on a larger one is, in pixels."""
    x = {"left": margin, "right": outer[0] - inner[0] - margin}
    y = {"top": margin, "bottom": outer[1] - inner[1] - margin}
    words = position.split("_")
    middle = ((outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2)
    across = next((x[word] for word in words if word in x), middle[0])
    down = next((y[word] for word in words if word in y), middle[1])
    return across, down


@dataclass(frozen=True)
class Layer:
    """A picture in the colours of a clip, at a place on its frames."""

    planes: list[Plane]
    place: tuple[int, int]
    alpha: Alpha

    @classmethod
    def of(cls, rgba: NDArray[np.uint8], place: tuple[int, int], clip: Clip) -> Layer:
        """A picture `(height, width, 4)` with its upper left corner at a place, which may be outside."""
        import numpy as np

        left, top = place[0] % 2, place[1] % 2
        height, width = rgba.shape[0] + top, rgba.shape[1] + left
        canvas = np.zeros((height + height % 2, width + width % 2, 4), np.uint8)
        canvas[top:height, left:width] = rgba
        alpha: Alpha = canvas[..., 3].astype(np.float32) / np.float32(255)
        if alpha.any():
            canvas[alpha == 0, :3] = canvas[alpha > 0, :3].mean(0)  # else colour from there would bleed over the edge
        frame = frame_of(canvas[..., :3], clip)
        return cls(planes_of(frame), (place[0] - left, place[1] - top), alpha)

    def on(self, frame: VideoFrame, opacity: float = 1.0) -> VideoFrame:
        """A copy of a frame with the picture on it."""
        import numpy as np

        made = copy_of(frame)
        blend(made, self.planes, self.place, self.alpha * np.float32(opacity))
        return made
