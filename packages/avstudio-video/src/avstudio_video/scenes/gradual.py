"""Dissolves and wipes, from pictures of a few hundred values.

In a dissolve, a picture is a weighted sum of those at both ends; in a wipe, each of its pixels is that of one end. Both
are compared with what is seen (Zhang, Kankanhalli, Smoliar 1993; Lienhart 2001), over spans of several lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from avstudio_video.libraries import opencv
from avstudio_video.scenes.transition import Transition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pictures = NDArray[np.float32]
    Curve = NDArray[np.float32]

WIDTH, HEIGHT = 32, 18
"""The size of the pictures."""
SPANS = (6, 10, 16, 24, 36)
"""Frames over which a change is looked for."""
WINDOWS = (12, 16, 20, 26, 32, 40, 48, 60, 72)
"""Frames in which its two ends are looked for."""
REACH = WINDOWS[-1] // 2
"""Frames that must be known on both sides of a place."""
STRIDE = 2
CHANGE = 12.0
"""The least mean difference of both ends, and that of a changed component, of 255."""
ABRUPT = 0.5
"""The part of the change that one step may have: a cut has all of it."""
BLEND, SWEEP = 0.35, 0.25
"""The most that a picture in the middle may differ from a dissolve or a wipe, as a part of the change."""
FIT = 0.15
"""The same for all pictures between two ends."""
WIPED = 0.2
"""The least by which a wipe differs from a dissolve."""
RAMP = 0.64
"""The part of a window that a change may take, so that its ends are seen to be steady."""
SAME = 0.85
"""The correlation above which two pictures are of the same shot, moved."""


def candidates(pictures: Pictures, first: int, last: int) -> list[int]:
    """The places from `first` to `last` that may be in a dissolve or a wipe, the most likely ones first."""
    import numpy as np

    jumps = np.r_[np.float32(0), np.abs(np.diff(pictures, axis=0)).mean(1)]
    found: dict[int, float] = {}
    for span in SPANS:
        half = span // 2
        places = np.arange(max(first, half), min(last, len(pictures) - span + half), STRIDE)
        for place, value in _likely(pictures, jumps, places, half):
            found[place] = min(value, found.get(place, 1.0))
    return sorted(found, key=lambda place: found[place])


def _likely(pictures: Pictures, jumps: Curve, places: NDArray[np.int64], half: int) -> Iterator[tuple[int, float]]:
    """The places whose pictures lie between those before and after, and how much they differ from a model."""
    import numpy as np

    size = np.abs(pictures[places + half] - pictures[places - half]).mean(1)
    steepest = np.array([jumps[place - half + 1 : place + half + 1].max() for place in places])
    places = places[(size >= CHANGE) & (steepest < ABRUPT * size)]
    before, middle, after = pictures[places - half], pictures[places], pictures[places + half]
    whole = after - before
    energy = (whole * whole).mean(1) + 1e-6
    from_before, to_after = middle - before, middle - after
    mixed = (from_before * whole).mean(1) / energy
    blend = np.square(from_before - whole / 2).mean(1) * 4 / energy
    sweep = np.minimum(from_before * from_before, to_after * to_after).mean(1) * 4 / energy
    near = (mixed > 0.3) & (mixed < 0.7) & ((blend < BLEND) | (sweep < SWEEP))
    yield from zip(places[near].tolist(), np.minimum(blend, sweep)[near].tolist(), strict=True)


@dataclass(frozen=True)
class _Window:
    """The pictures around a place, and how far each one is from the first to the last of them."""

    pictures: Pictures
    mixed: Curve
    """By projection: 0 is the first picture, and 1 is the last one."""
    swept: Curve
    """The part of the changed components that are nearer to the last picture."""


def transition_at(pictures: Pictures, place: int) -> Transition | None:
    """The dissolve or wipe around a place, in the shortest window that shows both of its ends."""
    import numpy as np

    for width in WINDOWS:
        begin, end = max(0, place - width // 2), min(len(pictures) - 1, place + width // 2)
        shown = pictures[begin : end + 1]
        size = np.abs(shown[-1] - shown[0]).mean()
        if size < CHANGE or np.abs(np.diff(shown, axis=0)).mean(1).max() > ABRUPT * size:
            return None
        if found := _measured(_window(shown)):
            kind, first, last = found
            start, stop = begin + first + 1, begin + last
            return Transition(kind, start, stop, (start + stop) // 2)
    return None


def _window(shown: Pictures) -> _Window:
    import numpy as np

    whole = shown[-1] - shown[0]
    changed = np.abs(whole) > CHANGE
    nearer = (np.abs(shown - shown[-1]) < np.abs(shown - shown[0])) & changed
    return _Window(shown, ((shown - shown[0]) * whole).mean(1) / (whole * whole).mean(), nearer.sum(1) / changed.sum())


def _measured(window: _Window) -> tuple[Literal["dissolve", "wipe"], int, int] | None:
    """What a window shows, with the last frame before it and the first one after it."""
    for curve in (window.mixed, window.swept):
        ends = _ends(curve)
        kind = _kind(window.pictures[ends[0] : ends[1] + 1]) if ends else None
        if ends and kind and (kind == "wipe" or curve is window.mixed):
            return kind, *ends
    return None


def _ends(curve: Curve) -> tuple[int, int] | None:
    """Where a curve leaves 0 and reaches 1, if it rises on the way, and is steady before and after."""
    import numpy as np

    middles = np.flatnonzero((curve > 0.3) & (curve < 0.7))
    if not len(middles):
        return None
    middle, last = int(middles[len(middles) // 2]), len(curve) - 1
    low, high = np.flatnonzero(curve[:middle] < 0.06), np.flatnonzero(curve[middle:] > 0.94)
    if not len(low) or not len(high):
        return None
    start, end = int(low[-1]), middle + int(high[0])
    steps = np.diff(curve[start : end + 1])
    rises = len(steps) >= 4 and (steps > -0.02).mean() >= 0.9
    steady = end - start <= RAMP * last and start >= 2 and last - end >= 2
    return (start, end) if rises and steady else None


def _kind(shown: Pictures) -> Literal["dissolve", "wipe"] | None:
    """The model that the pictures between two ends follow; `None` for none, or if the shot only moves."""
    import numpy as np

    before, after = shown[0], shown[-1]
    whole = after - before
    energy = float((whole * whole).mean())
    mixed = ((shown - before) * whole).mean(1) / energy
    inner = (mixed > 0.25) & (mixed < 0.75)
    if not inner.any():
        return None
    middle = shown[inner]
    blend = float(np.square(middle - before - mixed[inner, None] * whole).mean()) / energy
    sweep = float(np.minimum(np.square(middle - before), np.square(middle - after)).mean()) / energy
    wipe = sweep <= blend
    if min(blend, sweep) > FIT or (wipe and (blend < WIPED or sweep > 0.6 * blend)) or _moved(before, after):
        return None
    return "wipe" if wipe else "dissolve"


def _moved(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether the middle of one picture is somewhere in the other: a camera that moves is not a transition."""
    import numpy as np

    cv2: Any = opencv("Finding scenes")
    one, other = one.reshape(HEIGHT, WIDTH, 3), other.reshape(HEIGHT, WIDTH, 3)
    for source, target in ((one, other), (other, one)):
        part = np.ascontiguousarray(source[4:14, 7:25])
        if part.std() >= 2 and cv2.matchTemplate(target, part, cv2.TM_CCOEFF_NORMED).max() > SAME:
            return True
    return False
