"""The rules that find cuts in the scores of frames, with the results of PySceneDetect 0.7.

A rule gets the positions of frames, in frames of the nominal rate from the first one, and their scores. It returns the
positions at which scenes start. `least` is the shortest scene, in frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

WINDOW = 2
"""Frames before and after one with which the adaptive rule compares it."""
ZERO = 1e-5
HIGHEST = 255.0


def content_cuts(places: Sequence[int], scores: Sequence[float], threshold: float, least: int) -> list[int]:
    """Frames that differ by `threshold`; of several within `least` frames, the last one, once it is calm again."""
    if least <= 0:
        return [place for place, score in zip(places, scores, strict=True) if score >= threshold]
    return list(_merged(places, [score >= threshold for score in scores], least))


def _merged(places: Sequence[int], above: Sequence[bool], least: int) -> Iterator[int]:
    last, begun, found = places[0] if places else 0, -1, False
    for place, high in zip(places, above, strict=True):
        calm = place - last >= least
        last = place if high else last
        if begun >= 0:
            if calm and not high and last - begun >= least:
                begun = -1
                yield last
        elif high and calm:
            found = True
            yield place
        elif high and found:
            begun = place


def adaptive_cuts(
    places: Sequence[int], scores: Sequence[float], threshold: float, lowest: float, least: int
) -> list[int]:
    """Frames that differ by `lowest`, and `threshold` times as much as the frames around them."""
    cuts: list[int] = []
    last = places[0] if places else 0
    for number in range(WINDOW, len(scores) - WINDOW):
        score = scores[number]
        near = [*scores[number - WINDOW : number], *scores[number + 1 : number + 1 + WINDOW]]
        mean = sum(near) / (2.0 * WINDOW)
        ratio = min(score / mean, HIGHEST) if abs(mean) >= ZERO else HIGHEST
        if score >= lowest and ratio >= threshold and places[number] - last >= least:
            last = places[number]
            cuts.append(last)
    return cuts


def fade_cuts(places: Sequence[int], brightness: Sequence[float], threshold: float, least: int) -> list[int]:
    """The middles of spans that are darker than `threshold`, between two brighter ones."""
    cuts: list[int] = []
    last = places[0] if places else 0
    dark, since = bool(brightness) and brightness[0] < int(threshold), last
    for place, bright in zip(places[1:], brightness[1:], strict=True):
        if dark == (bright < int(threshold)):
            continue
        if dark and place - last >= least:
            cuts.append(since + round((place - since) / 2.0))
            last = place
        dark, since = not dark, place
    return cuts


def spaced_cuts(places: Sequence[int], scores: Sequence[float], threshold: float, least: int) -> list[int]:
    """Frames that differ by `threshold`, unless the last cut is nearer than `least` frames."""
    cuts: list[int] = []
    last = places[0] if places else 0
    for place, score in zip(places[1:], scores[1:], strict=True):
        if score >= threshold and place - last >= least:
            last = place
            cuts.append(place)
    return cuts
