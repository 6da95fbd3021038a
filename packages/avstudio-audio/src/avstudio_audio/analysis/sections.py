"""The sections of music, such as its verses and choruses, by their harmony.

Where sections begin is found as in Serrà, Müller, Grosche and Arcos, "Unsupervised Detection of Music Boundaries by
Time Series Structure Features", AAAI 2012: there, the parts that resemble what is heard change. Sections whose chords
follow each other alike get one letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import ascii_uppercase
from typing import TYPE_CHECKING

from avstudio_audio.analysis.chroma import FRAMES_A_SECOND

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

CELL = 0.5
"""The harmony is averaged over so many seconds."""
CONTEXT = 4
"""The cells that are compared at once."""
NEIGHBOURS = 0.04
"""The part of all cells that count as alike."""
SMOOTH, LAGS = 32, 5
"""The cells over which the likeness is smoothed, along the time and along the lag."""
APART, EDGE = 8, 6
"""The fewest cells between two boundaries, and before the first one."""
LEAST = 0.1
"""The least change at a boundary, relative to the greatest."""
SAME = 0.72
"""The part of the cells of the shorter of two sections that comes again in the longer one if both have one letter."""
RECURRING = 0.25
"""The part of the sections whose letter came before: if fewer come again, they do so by chance."""
OVERLAP = 0.6
"""The least part of the shorter of two sections that is compared with the longer one."""
SHORTEST, LONGEST = 20.0, 1200.0
"""Shorter sound has no sections, and of longer sound they are not searched; in seconds."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the music."""

    start: float
    """In seconds."""
    end: float
    letter: str
    """The same for parts that are alike."""
    confidence: float
    """0 to 1: how much more it resembles its like than other sections."""


def sections(chroma: Floats) -> list[Section]:
    """The sections of `(12, frames)` at `FRAMES_A_SECOND`; none if nothing comes again."""
    cells = _cells(chroma)
    if not SHORTEST <= len(cells) * CELL <= LONGEST:
        return []
    distances = _distances(cells)
    places, names = _parts(distances)
    if len(set(names)) > (1 - RECURRING) * len(names):
        return []
    likeness = _likeness(distances, places)
    letters = {name: _letter(index) for index, name in enumerate(dict.fromkeys(names))}
    return [
        Section(start * CELL, end * CELL, letters[name], _confidence(likeness[index], names, index))
        for index, ((start, end), name) in enumerate(zip(pairwise(places), names, strict=True))
    ]


def _parts(distances: Floats) -> tuple[list[int], list[int]]:
    """Where sections begin, with the end of the last one, and a number for each, the same for those that are alike."""
    count = len(distances)
    places = [0, *_boundaries(distances)]
    letters = _letters(_likeness(distances, [*places, count]))
    kept = [number for number in range(len(letters)) if not number or letters[number] != letters[number - 1]]
    return [*(places[number] for number in kept), count], [letters[number] for number in kept]


def _letter(index: int) -> str:
    """A to Z, then A1 to Z1 and so on."""
    return ascii_uppercase[index % 26] + (str(index // 26) if index >= 26 else "")


def _cells(chroma: Floats) -> Floats:
    """The mean harmony of each half second, as unit vectors: `(cells, 12)`."""
    import numpy as np

    size = round(CELL * FRAMES_A_SECOND)
    count = chroma.shape[1] // size
    means = chroma[:, : count * size].reshape(12, count, size).mean(axis=2).T
    unit: Floats = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    return unit


def _distances(cells: Floats) -> Floats:
    """Between the contexts of all cells, `(cells, cells)`."""
    import numpy as np

    before, after = CONTEXT // 2, CONTEXT - 1 - CONTEXT // 2
    padded = np.pad(cells, ((before, after), (0, 0)), mode="edge")
    contexts = np.concatenate([padded[step : step + len(cells)] for step in range(CONTEXT)], axis=1)
    squares = np.square(contexts).sum(axis=1)
    found: Floats = np.sqrt(np.maximum(squares[:, None] + squares - 2 * contexts @ contexts.T, 0))
    return found


def _nearest(distances: Floats, share: float) -> NDArray[np.bool_]:
    """Which cells are among the nearest of each one, by rows."""
    import numpy as np

    count = max(2, int(share * len(distances)) + 1)
    near = np.argpartition(distances, count, axis=1)[:, : count + 1]
    found = np.zeros(distances.shape, bool)
    np.put_along_axis(found, near, True, axis=1)
    return found


def _boundaries(distances: Floats) -> list[int]:
    """The cells at which sections begin, without the first."""
    import numpy as np

    around = _lags(distances)
    count = len(around)
    smooth = sum(weight * around[:, step : step + count] for step, weight in enumerate(_bell(LAGS)))
    padded = np.pad(np.asarray(smooth), ((SMOOTH // 2, SMOOTH // 2 - 1), (0, 0)), mode="edge")
    features = sum(weight * padded[step : step + count] for step, weight in enumerate(_bell(SMOOTH)))
    change = np.append(0, np.square(np.diff(np.asarray(features), axis=0)).sum(axis=1))
    return _peaks(change)


def _lags(distances: Floats) -> Floats:
    """Which cells are alike, by time and lag; lags are repeated around both ends."""
    import numpy as np

    near = _nearest(distances, NEIGHBOURS)
    mutual = (near & near.T).astype(np.float32)
    np.fill_diagonal(mutual, 0)
    places = np.arange(len(mutual))
    lags = mutual[places[:, None], (places[:, None] + places) % len(mutual)]
    return np.concatenate((lags[:, -(LAGS // 2) :], lags, lags[:, : LAGS // 2]), axis=1)


def _bell(width: int) -> list[float]:
    """A Gaussian window of so many weights, with the sum 1."""
    import numpy as np

    weights = np.exp(-0.5 * np.square((np.arange(width) - (width - 1) / 2) * 4 / width))
    return [float(one) for one in weights / weights.sum()]


def _peaks(change: NDArray[np.float64]) -> list[int]:
    least = LEAST * float(change.max(initial=0))
    return [
        place
        for place in range(EDGE, len(change) - EDGE)
        if change[place] > least and change[place] == change[max(0, place - APART) : place + APART + 1].max()
    ]


def _likeness(distances: Floats, places: Sequence[int]) -> NDArray[np.float64]:
    """How much each part between two places resembles each other one, 0 to 1, where they fit best."""
    import numpy as np

    near = _nearest(distances, 2 * NEIGHBOURS)
    near |= near.T
    parts = [slice(start, end) for start, end in pairwise(places)]
    found = np.eye(len(parts))
    for one in range(len(parts)):
        for other in range(one):
            found[one, other] = found[other, one] = _fit(near[parts[one], parts[other]])
    return found


def _fit(near: NDArray[np.bool_]) -> float:
    """The greatest part of the shorter side whose cells are alike on one diagonal."""
    import numpy as np

    rows, columns = np.nonzero(near)
    counts = np.bincount(columns - rows + len(near) - 1, minlength=sum(near.shape) - 1)
    offsets = np.arange(1 - len(near), near.shape[1])
    lengths = np.minimum(len(near), near.shape[1] - offsets) - np.maximum(0, -offsets)
    return float(counts[lengths >= OVERLAP * min(near.shape)].max(initial=0) / min(near.shape))


def _letters(likeness: NDArray[np.float64]) -> list[int]:
    """A number for each part, the same for parts that are alike: the closest groups are joined, by their mean."""
    import numpy as np

    groups = [[number] for number in range(len(likeness))]
    while len(groups) > 1:
        means = [[likeness[np.ix_(one, other)].mean() if one is not other else 0 for other in groups] for one in groups]
        first, second = sorted(divmod(int(np.argmax(means)), len(groups)))
        if means[first][second] < SAME:
            break
        groups[first] += groups.pop(second)
    return [next(index for index, group in enumerate(groups) if number in group) for number in range(len(likeness))]


def _confidence(likeness: NDArray[np.float64], letters: Sequence[int], section: int) -> float:
    """The likeness to sections with the same letter, less the highest with another one."""
    same = [likeness[one] for one, letter in enumerate(letters) if letter == letters[section] and one != section]
    others = [likeness[one] for one, letter in enumerate(letters) if letter != letters[section]]
    own = sum(same) / len(same) if same else 1.0
    return round(float(min(1.0, max(0.0, own - max(others)))), 3)
