"""Fades: pictures of one colour, with a rise or a fall of contrast beside them (Lienhart 1999)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from avstudio_video.scenes.transition import Colour, Transition

PLAIN = 7.0
"""The standard deviation of a component below which a picture has one colour."""
STEP = 0.2
"""The least change of the standard deviation from one frame of a fade to the next."""
LONGEST, SHORTEST = 75, 3
"""Frames of a fade on one side of the plain pictures."""
DARK, BRIGHT = 40.0, 215.0


def fades(levels: Sequence[float], contrasts: Sequence[float]) -> Iterator[Transition]:
    """The fades of a video, from the mean and the standard deviation of each frame."""
    count, first = len(contrasts), 0
    while first < count:
        if contrasts[first] >= PLAIN:
            first += 1
            continue
        last = first
        while last + 1 < count and contrasts[last + 1] < PLAIN:
            last += 1
        if found := _fade(levels, contrasts, first, last):
            yield found
        first = last + 1


def _fade(levels: Sequence[float], contrasts: Sequence[float], first: int, last: int) -> Transition | None:
    """The fade with the plain frames from `first` to `last`."""
    fall, rise = _ramp(contrasts, first, -1), _ramp(contrasts, last, 1)
    falls, rises = fall >= SHORTEST, rise >= SHORTEST
    if not falls and not rises:
        return None
    begins, ends = first == 0, last + 1 == len(contrasts)
    middle = None if begins or ends else (first + last + 1) // 2
    start, end = first - fall * falls, last + 1 + rise * rises
    kind = ("fade" if rises else "fade_out") if falls else "fade_in"
    return Transition(kind, start, end, middle, _colour(levels[(first + last) // 2]))  # type: ignore[arg-type]


def _ramp(contrasts: Sequence[float], place: int, step: int) -> int:
    """For how many frames the contrast rises, from a plain frame on, backwards or forwards."""
    length = 0
    while length < LONGEST and 0 <= place + step < len(contrasts):
        if contrasts[place + step] <= contrasts[place] + STEP:
            break
        place, length = place + step, length + 1
    return length


def _colour(level: float) -> Colour:
    return "black" if level < DARK else "white" if level > BRIGHT else "other"
