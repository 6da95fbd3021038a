"""Transitions between shots that move: told apart, with their times, and without false ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from avstudio_core import Studio
from avstudio_video.scenes.finder import rounded

cv2: Any = pytest.importorskip("cv2", reason="avstudio-video[opencv] is not installed")

Make = Callable[..., Path]
Picture = NDArray[np.float32]
Truth = list[tuple[str, int, int]]
WIDTH, HEIGHT = 96, 54
FAST = {"preset": "ultrafast", "crf": "18"}


def shot(dice: np.random.Generator) -> Iterator[Picture]:
    """A scene with the spectrum of real pictures (1/f), things of one colour, a slow camera, and the noise of a sensor."""
    high, wide = HEIGHT + 40, WIDTH + 40
    world = np.zeros((high, wide, 3), np.float32)
    for octave in range(1, 7):
        coarse = dice.normal(0, 1, (2**octave, 2**octave, 3)).astype(np.float32)
        coarse = coarse.mean(-1, keepdims=True) + 0.5 * coarse
        world += cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC) / 1.6**octave
    world = world / world.std() * dice.uniform(30, 55) + dice.uniform(70, 180, 3)
    for _ in range(4):
        centre, radius = (int(dice.integers(0, wide)), int(dice.integers(0, high))), int(dice.integers(5, 20))
        cv2.circle(world, centre, radius, [float(one) for one in dice.uniform(0, 255, 3)], -1)
    speed, place = dice.uniform(-0.6, 0.6, 2), np.array([20.0, 20.0])
    while True:
        y, x = np.clip(place, 0, 40).astype(int)
        part = world[y : y + HEIGHT, x : x + WIDTH]
        yield np.clip(part + dice.normal(0, 2, part.shape), 0, 255).astype(np.float32)
        place = place + speed


def swept(part: float, kind: int) -> NDArray[np.bool_]:
    """The pixels that a wipe has reached: from a side, from a corner, or from the middle."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    y, x = y / HEIGHT, x / WIDTH
    reached: list[Any] = [
        x < part,
        x > 1 - part,
        y < part,
        (x + y) / 2 < part,
        np.hypot(x - 0.5, y - 0.5) < part * 0.71,
    ]
    return np.asarray(reached[kind])[..., None]


def transition(kind: str, dice: np.random.Generator, old: Iterator[Picture], new: Iterator[Picture]) -> list[Picture]:
    length = int(dice.integers(8, 28))
    parts = [(number + 1) / (length + 1) for number in range(length)]
    if kind == "dissolve":
        return [next(old) * (1 - part) + next(new) * part for part in parts]
    if kind == "wipe":
        form = int(dice.integers(0, 5))
        return [np.where(swept(part, form), next(new), next(old)) for part in parts]
    colour = float(dice.choice([0, 255]))
    out = [next(old) * (1 - part) + colour * part for part in parts]
    plain = [np.full((HEIGHT, WIDTH, 3), colour, np.float32)] * int(dice.integers(1, 6))
    return [*out, *plain, *(next(new) * part + colour * (1 - part) for part in parts)]


def film(seed: int, kinds: list[str]) -> tuple[list[NDArray[np.uint8]], Truth]:
    """Shots with transitions in any order, and where these are."""
    dice = np.random.default_rng(seed)
    shown: list[Picture] = []
    truth: Truth = []
    old = shot(dice)
    for kind in dice.permutation(kinds):
        shown += [next(old) for _ in range(int(dice.integers(26, 36)))]
        new, start = shot(dice), len(shown)
        shown += transition(kind, dice, old, new) if kind != "cut" else []
        truth.append((str(kind), start, len(shown)))
        old = new
    shown += [next(old) for _ in range(30)]
    return [one.astype(np.uint8) for one in shown], truth


def found_in(result: Any, rate: int = 25) -> Truth:
    return [
        (one.type, round(one.start * rate), round(one.end * rate))
        for one in result.events
        if one.type in ("dissolve", "wipe", "fade", "fade_in", "fade_out", "flash")
    ]


def f1(found: Truth, truth: Truth) -> float:
    """Both right: of the same kind, and together they last at most twice as long as what they have in common."""
    right = 0
    for kind, start, end in truth:
        for other, begin, stop in found:
            common, whole = min(end, stop) - max(start, begin), max(end, stop) - min(start, begin)
            right += kind == other and common >= whole / 2
    return 2 * right / (len(found) + len(truth))


def test_fifty_dissolves_wipes_and_fades_are_told_apart(shared_studio: Studio, write: Make) -> None:
    pictures, truth = film(1, ["dissolve"] * 17 + ["wipe"] * 17 + ["fade"] * 16 + ["cut"] * 10)
    gradual = [one for one in truth if one[0] != "cut"]
    result = shared_studio.run("video.analyze", write("a.mp4", pictures, options=FAST))
    assert f1(found_in(result), gradual) >= 0.95
    cuts = [one.start_frame for one in result.scenes if one.transition == "cut"]
    assert {start for kind, start, _ in truth if kind == "cut"} <= {*cuts}
    assert len(result.scenes) == pytest.approx(61, abs=3)


def test_forty_cuts_are_found_and_flashes_are_not_among_them(shared_studio: Studio, write: Make) -> None:
    pictures, truth = film(3, ["cut"] * 40)
    flashes = [start + 12 for _, start, _ in truth[::4]]
    for number in flashes:
        pictures[number : number + 2] = [np.full_like(pictures[0], 250)] * 2
    result = shared_studio.run("video.analyze", write("a.mp4", pictures, options=FAST))
    assert [one.start_frame for one in result.scenes[1:]] == [start for _, start, _ in truth]
    assert {one.transition for one in result.scenes[1:]} == {"cut"}
    assert found_in(result) == [("flash", number, number + 2) for number in flashes]


def test_scenes_start_in_the_middle_of_what_separates_them(shared_studio: Studio, write: Make) -> None:
    dice = np.random.default_rng(5)
    one, other, third = shot(dice), shot(dice), shot(dice)
    parts = [number / 13 for number in range(1, 13)]
    shown = [next(one) for _ in range(30)]
    shown += [next(one) * (1 - part) + next(other) * part for part in parts]
    shown += [next(other) for _ in range(30)]
    shown += [next(other) * (1 - part) for part in parts] + [np.zeros((HEIGHT, WIDTH, 3), np.float32)] * 10
    shown += [next(third) for _ in range(30)] + [next(third) * (1 - part) for part in parts]
    path = write("a.mp4", [picture.astype(np.uint8) for picture in shown], options=FAST)
    result = shared_studio.run("video.analyze", path)
    assert [scene.transition for scene in result.scenes] == ["start", "dissolve", "fade"]
    assert [scene.start_frame for scene in result.scenes[1:]] == [pytest.approx(36, abs=1), pytest.approx(89, abs=1)]
    assert [(event.type, event.colour) for event in result.events] == [
        ("dissolve", None),
        ("fade_out", "black"),
        ("fade_out", "black"),
    ]


def test_a_real_dissolve_is_found(shared_studio: Studio, nasa: Path) -> None:
    result = shared_studio.run("video.analyze", nasa, stream=0)
    dissolves = [(start, end) for kind, start, end in found_in(result) if kind == "dissolve"]
    assert any(abs(start - 127) <= 3 and abs(end - 150) <= 3 for start, end in dissolves), dissolves
    assert 202 in [scene.start_frame for scene in result.scenes if scene.transition == "cut"]


@given(st.integers(-(10**12), 10**12), st.fractions(0, 100, max_denominator=180_000))
def test_positions_in_frames_are_rounded_to_the_nearest_one(count: int, step: Fraction) -> None:
    assert rounded(count, step) == round(count * step)


@pytest.mark.parametrize("count", range(-4, 5))
def test_a_position_in_the_middle_is_rounded_to_the_even_one(count: int) -> None:
    assert rounded(count, Fraction(1, 2)) == round(count / 2)
