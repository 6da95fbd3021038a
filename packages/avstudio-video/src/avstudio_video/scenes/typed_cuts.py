"""Where scenes start, from cuts and from transitions that take longer."""

from __future__ import annotations

from collections.abc import Sequence

from avstudio_video.scenes.transition import Transition


def boundaries(cuts: Sequence[int], transitions: Sequence[Transition], places: Sequence[int], least: int) -> list[int]:
    """The numbers of the first frames of scenes.

    Cuts inside a transition or a flash do not count. `places` are the positions of frames on the grid of the nominal
    rate, and a scene has at least `least` positions.
    """
    hidden = {number for one in transitions for number in range(one.start, one.end + 1)}
    starts = {number for number in cuts if number not in hidden}
    starts |= {one.boundary for one in transitions if one.boundary is not None}
    found, last = [], places[0] if places else 0
    for number in sorted(starts):
        if places[number] - last >= least:
            last = places[number]
            found.append(number)
    return found
