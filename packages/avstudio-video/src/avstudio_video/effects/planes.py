"""The components of frames in the formats in which effects work, as arrays to read and to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_video.encoding.colour_tags import LIMITED

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from avstudio_video.effects.streams import Clip

    Plane = NDArray[np.uint8] | NDArray[np.uint16]
    Alpha = NDArray[np.float32]


def planes_of(frame: VideoFrame) -> list[Plane]:
    """Luma and both components of colour, `(height, width)`, without a copy."""
    import numpy as np

    deep = frame.format.components[0].bits > 8
    kind: Any = np.uint16 if deep else np.uint8
    found = []
    for one in frame.planes:
        rows: Any = np.frombuffer(one, kind).reshape(-1, one.line_size // (2 if deep else 1))  # type: ignore[call-overload]
        found.append(rows[: one.height, : one.width])
    return found


def copy_of(frame: VideoFrame) -> VideoFrame:
    """A frame that can be changed: others may show the same one."""
    import av

    made = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for new, old in zip(planes_of(made), planes_of(frame), strict=True):
        new[:] = old
    made.colorspace, made.color_range = frame.colorspace, frame.color_range
    made.color_primaries, made.color_trc = frame.color_primaries, frame.color_trc
    return made


def frame_of(pixels: NDArray[np.uint8], clip: Clip) -> VideoFrame:
    """A picture of RGB `(height, width, 3)` with even sides, in the pixel format and the colours of a clip."""
    import av
    import numpy as np

    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
    made = frame.reformat(format=clip.pixels, dst_colorspace=clip.matrix, dst_color_range=clip.tags.range)
    clip.tags.put_on(made)
    return made


def flat_colour(rgb: tuple[int, int, int], clip: Clip) -> tuple[int, int, int]:
    """The components of a colour."""
    import numpy as np

    small = frame_of(np.full((2, 2, 3), rgb, np.uint8), clip)
    one, two, three = (int(plane[0, 0]) for plane in planes_of(small))
    return one, two, three


def blend(target: VideoFrame, picture: list[Plane], place: tuple[int, int], alpha: Alpha) -> None:
    """Draw the planes of a picture at an even place on a frame, with an opacity `(height, width)` from 0 to 1.

    What is outside of the frame is left out.
    """
    base = planes_of(target)
    for plane, source in zip(base, picture, strict=True):
        across = -(-target.width // plane.shape[1])
        down = -(-target.height // plane.shape[0])
        _draw(plane, source, (place[0] // across, place[1] // down), _smaller(alpha, down, across))


def _draw(plane: Plane, source: Plane, place: tuple[int, int], opacity: Alpha) -> None:
    """Draw one component at a place in its own pixels."""
    import numpy as np

    x, y = place
    left, top = max(-x, 0), max(-y, 0)
    right, bottom = min(source.shape[1], plane.shape[1] - x), min(source.shape[0], plane.shape[0] - y)
    if left < right and top < bottom:
        part = plane[y + top : y + bottom, x + left : x + right]
        change = source[top:bottom, left:right].astype(np.float32) - part
        part[:] = np.rint(part + change * opacity[top:bottom, left:right])


def _smaller(alpha: Alpha, down: int, across: int) -> Alpha:
    """The mean opacity of cells, for components of colour with fewer pixels."""
    if (down, across) == (1, 1):
        return alpha
    import numpy as np

    height, width = -(-alpha.shape[0] // down), -(-alpha.shape[1] // across)
    rest = (0, height * down - alpha.shape[0]), (0, width * across - alpha.shape[1])
    cells = np.pad(alpha, rest, "edge").reshape(height, down, width, across)
    mean: Alpha = cells.mean((1, 3))
    return mean


def levels(clip: Clip) -> tuple[int, int, int, int]:
    """The lowest and highest luma, the middle and the highest value of colour."""
    factor = 4 if clip.pixels.endswith("10le") else 1
    if clip.tags.range == LIMITED:
        return 16 * factor, 235 * factor, 128 * factor, 240 * factor
    return 0, 256 * factor - 1, 128 * factor, 256 * factor - 1
