"""Resampling keeps the sound and its time, and adds nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from avstudio_audio.media.resample import resampled

Audio = NDArray[np.float32]
PAIRS = [(44_100, 16_000), (48_000, 44_100), (44_100, 48_000), (8_000, 44_100), (192_000, 44_100), (96_000, 8_000)]


def sine(frequency: float, rate: int, seconds: float = 1.0) -> Audio:
    return np.asarray(0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate), np.float32)


def convert(data: Audio, before: int, after: int, block: int = 5_000) -> Audio:
    blocks = [data[:, begin : begin + block] for begin in range(0, data.shape[1], block)]
    return np.concatenate(list(resampled(blocks, len(data), before, after)), axis=1)


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_tone_keeps_frequency_amplitude_and_time(before: int, after: int) -> None:
    tones = np.stack([sine(1_000, before), sine(3_000, before)])
    meant = np.stack([sine(1_000, after), sine(3_000, after)])
    inner = slice(after // 10, -after // 10)
    np.testing.assert_allclose(convert(tones, before, after)[:, inner], meant[:, inner], atol=1e-3)


@pytest.mark.parametrize(
    ("before", "after", "frequency"),
    [
        (before, after, above * after / 2)
        for before, after in PAIRS
        for above in (1.05, 1.2, 1.5, 2.0)
        if after < above * after < before
    ],
)
def test_what_the_new_rate_cannot_hold_is_60_db_down(before: int, after: int, frequency: float) -> None:
    left = convert(sine(frequency, before)[None], before, after)[0, after // 10 : -after // 10]
    assert 20 * math.log10(float(np.sqrt(np.mean(left**2))) / (0.5 / math.sqrt(2)) + 1e-9) < -60


@given(
    length=st.integers(1, 3_000),
    pair=st.sampled_from([*PAIRS, (11_025, 12_000), (1_000, 999)]),
    channels=st.sampled_from([1, 2, 9]),
    block=st.integers(1, 3_000),
)
def test_the_length_is_exact_however_short_or_cut_up(
    length: int, pair: tuple[int, int], channels: int, block: int
) -> None:
    before, after = pair
    data = np.ones((channels, length), np.float32)
    result = convert(data, before, after, max(block, length // 20 + 1))
    assert result.shape == (channels, math.ceil(length * after / before))
    assert np.isfinite(result).all()
