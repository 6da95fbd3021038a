"""The motion of a camera, and a smoother one in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from avstudio_video.effects.planes import copy_of, planes_of
from avstudio_video.libraries import opencv

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Path2D = NDArray[np.float64]
    """x, y in pixels and angle in radians for each frame, `(frames, 3)`."""

LOOKED_AT = 480
"""Width in pixels of the pictures in which points are followed."""
POINTS = {"maxCorners": 400, "qualityLevel": 0.01, "minDistance": 8}
FEWEST = 8
"""Points that must agree on a motion; with fewer, for example at a cut, there is none."""
FARTHEST = 0.25
"""Of a motion between two frames, as a part of the width; one that goes farther is a cut."""
MOST_ZOOM = 0.2


@dataclass
class CameraPath:
    """The motion of a camera, from points that are followed from frame to frame (Lucas and Kanade 1981; RANSAC)."""

    steps: list[tuple[float, float, float]] = field(default_factory=list)
    _before: Any = None

    def add(self, frame: VideoFrame) -> None:
        """Follow the points of the frame before to the next one."""
        cv2 = opencv("'stabilize'")
        luma = planes_of(frame)[0]
        factor = min(1.0, LOOKED_AT / luma.shape[1])
        seen = luma if luma.itemsize == 1 else (luma >> 2).astype("uint8")
        small = (
            cv2.resize(seen, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else seen.copy()
        )
        step = (0.0, 0.0, 0.0) if self._before is None else _step(cv2, self._before, small)
        self.steps.append((step[0] / factor, step[1] / factor, step[2]))
        self._before = small

    def correction(self, sigma: float) -> Path2D:
        """What to add to each frame's place for a smooth path; `sigma` is the width of a Gaussian in frames."""
        import numpy as np

        path = np.cumsum(np.array(self.steps, float).reshape(-1, 3), axis=0)
        reach = max(1, min(round(3 * sigma), 10 * len(path)))
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        extended = np.pad(path, ((reach, reach), (0, 0)), mode="edge")
        columns = [np.convolve(column, weights / weights.sum(), "valid") for column in extended.T]
        change: Path2D = np.stack(columns, 1) - path
        return change


def _step(cv2: Any, before: Any, after: Any) -> tuple[float, float, float]:
    """The motion from one picture to the next: x, y and angle around the middle."""
    points = cv2.goodFeaturesToTrack(before, **POINTS)
    if points is None:
        return 0.0, 0.0, 0.0
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None)
    kept = found.ravel() == 1
    if kept.sum() < FEWEST:
        return 0.0, 0.0, 0.0
    middle = (before.shape[1] / 2, before.shape[0] / 2)
    matrix, inliers = cv2.estimateAffinePartial2D(points[kept] - middle, moved[kept] - middle)
    if matrix is None or inliers.sum() < FEWEST or abs(matrix[:, 2]).max() > FARTHEST * before.shape[1]:
        return 0.0, 0.0, 0.0
    import math

    return float(matrix[0, 2]), float(matrix[1, 2]), math.atan2(matrix[1, 0], matrix[0, 0])


def zoom_for(correction: Path2D, width: int, height: int) -> float:
    """The least factor by which frames are enlarged so that no border of them is seen, up to `MOST_ZOOM` more."""
    import numpy as np

    x, y, angle = np.abs(correction).T
    across = 2 * x / width + height / width * np.sin(angle) + 1 - np.cos(angle)
    down = 2 * y / height + width / height * np.sin(angle) + 1 - np.cos(angle)
    needed = float(np.maximum(across, down).max(initial=0.0))
    return 1 + min(needed, MOST_ZOOM)


def moved(frame: VideoFrame, by: NDArray[np.float64], zoom: float, *, mirror: bool) -> VideoFrame:
    """A frame that is turned around its middle, enlarged and shifted."""
    import numpy as np

    cv2 = opencv("'stabilize'")
    made = copy_of(frame)
    border = cv2.BORDER_REFLECT_101 if mirror else cv2.BORDER_CONSTANT
    for number, (new, old) in enumerate(zip(planes_of(made), planes_of(frame), strict=True)):
        across, down = frame.width / old.shape[1], frame.height / old.shape[0]
        matrix = _around_middle(by, zoom, frame.width, frame.height)
        matrix[0, 1:] *= down / across, 1 / across
        matrix[1, ::2] *= across / down, 1 / down
        empty = 0 if number == 0 else 1 << (7 if old.itemsize == 1 else 9)
        shape = (old.shape[1], old.shape[0])
        new[:] = cv2.warpAffine(
            np.ascontiguousarray(old), matrix, shape, flags=cv2.INTER_CUBIC, borderMode=border, borderValue=empty
        )
    return made


def _around_middle(by: NDArray[np.float64], zoom: float, width: int, height: int) -> NDArray[np.float64]:
    import numpy as np

    x, y, angle = by
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    middle = np.array([width, height]) / 2
    return np.column_stack([turn, middle - turn @ middle + [x * zoom, y * zoom]])
