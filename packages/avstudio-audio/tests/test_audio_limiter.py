"""The limiter of true peaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from avstudio_audio.loudness.limiter import Limiter
from avstudio_audio.loudness.meter import Meter

RATE = 48_000


def limited(sound: NDArray[np.float32], ceiling: float, rate: int = RATE, block: int = 4096) -> NDArray[np.float32]:
    limiter = Limiter(rate, len(sound), ceiling)
    parts = [limiter.feed(sound[:, begin : begin + block]) for begin in range(0, sound.shape[1], block)]
    return np.concatenate([*parts, limiter.rest()], axis=1)


def true_peak(sound: NDArray[np.float32], rate: int = RATE) -> float:
    meter = Meter(rate, len(sound))
    meter.add(sound)
    return meter.finish().true_peak or 0.0


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    louder=st.floats(0, 24),
    ceiling=st.floats(-12, 0),
    rate=st.sampled_from([8_000, 44_100, 96_000, 192_000]),
    block=st.sampled_from([1_000, 5_000, 20_000]),
)
def test_no_value_is_above_the_ceiling(seed: int, louder: float, ceiling: float, rate: int, block: int) -> None:
    random = np.random.default_rng(seed)
    bursts = np.repeat(random.uniform(0, 1, 40) ** 4, 250)
    sound = (random.normal(0, 0.3, (2, 10_000)) * bursts * 10 ** (louder / 20)).astype(np.float32)
    result = limited(sound, ceiling, rate, block)
    assert result.shape == sound.shape
    assert true_peak(result, rate) <= ceiling


def test_sound_below_the_ceiling_is_not_changed() -> None:
    sound = np.random.default_rng(1).uniform(-0.2, 0.2, (2, 30_000)).astype(np.float32)
    assert np.array_equal(limited(sound, -1.0), sound)


@settings(max_examples=20)
@given(sizes=st.lists(st.integers(1, 3_000), min_size=1, max_size=8), seed=st.integers(0, 9))
def test_how_sound_is_divided_into_blocks_does_not_matter(sizes: list[int], seed: int) -> None:
    sound = np.random.default_rng(seed).uniform(-3, 3, (2, sum(sizes))).astype(np.float32)
    limiter = Limiter(RATE, 2, 0.0)
    parts = [limiter.feed(block) for block in np.split(sound, np.cumsum(sizes)[:-1], axis=1)]
    in_parts = np.concatenate([*parts, limiter.rest()], axis=1)
    assert in_parts.shape == sound.shape
    np.testing.assert_allclose(in_parts, limited(sound, 0.0, block=sum(sizes)), atol=1e-5)


def test_a_single_peak_lowers_only_the_sound_around_it() -> None:
    sound = np.full((1, RATE), 0.25, np.float32)
    sound[0, 24_000:24_010] = 2.0
    result = limited(sound, -1.0)
    changed = np.flatnonzero(result[0] != sound[0])
    assert 23_000 < changed[0] < 24_000
    assert changed[-1] < 34_000
    assert np.abs(np.diff(result[0, :23_999])).max() < 0.01


@pytest.mark.parametrize("length", [0, 1, 31, 32, 300])
def test_a_short_sound_keeps_its_length(length: int) -> None:
    sound = np.full((2, length), 1.5, np.float32)
    result = limited(sound, -3.0)
    assert result.shape == sound.shape
    assert length == 0 or true_peak(result) <= -3.0


def test_the_size_of_the_blocks_changes_nothing() -> None:
    sound = np.random.default_rng(2).normal(0, 0.6, (2, 20_000)).astype(np.float32)
    assert np.allclose(limited(sound, -1.0, block=20_000), limited(sound, -1.0, block=701), atol=1e-6)
