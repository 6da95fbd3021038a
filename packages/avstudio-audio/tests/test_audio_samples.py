"""Samples: what they accept, and how their channels are mixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from avstudio_audio.media.downmix import SPEAKERS, mix_matrix
from avstudio_audio.media.samples import Samples
from avstudio_core.errors import InvalidInput


def ones(channels: int, length: int = 10) -> Samples:
    return Samples(np.ones((channels, length), np.float32), 44_100)


def test_samples_know_their_shape() -> None:
    samples = Samples(np.zeros((2, 66_150), np.float32), 44_100, start=1.0)
    assert (samples.channels, samples.length, samples.duration) == (2, 66_150, 1.5)
    assert repr(samples) == "Samples(2 x 66150 at 44100 Hz, 1.500 s)"


@pytest.mark.parametrize(
    ("data", "rate", "start"),
    [
        (np.zeros(10, np.float32), 44_100, 0.0),
        (np.zeros((0, 10), np.float32), 44_100, 0.0),
        (np.zeros((1, 10), np.float64), 44_100, 0.0),
        ([[0.0]], 44_100, 0.0),
        (np.zeros((1, 10), np.float32), 0, 0.0),
        (np.zeros((1, 10), np.float32), 44_100, float("nan")),
    ],
)
def test_what_is_not_sound_is_refused(data: Any, rate: int, start: float) -> None:
    with pytest.raises(InvalidInput):
        Samples(data, rate, start)


def test_samples_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ones(1).rate = 8_000  # type: ignore[misc]


def test_channels_that_fit_stay_as_they_are() -> None:
    assert ones(1).mono().data.base is ones(1).data.base
    mono, stereo = ones(1), ones(2)
    assert mono.mono().data is mono.data
    assert stereo.stereo().data is stereo.data


def test_mono_is_doubled_and_stereo_averaged() -> None:
    np.testing.assert_array_equal(ones(1).stereo().data, np.ones((2, 10)))
    stereo = Samples(np.array([[1.0], [0.5]], np.float32), 8_000, start=2.0)
    np.testing.assert_array_equal(stereo.mono().data, [[0.75]])
    assert stereo.mono().start == 2.0


@pytest.mark.parametrize("channels", [*SPEAKERS, 16])
def test_a_mix_of_full_channels_is_full_and_no_more(channels: int) -> None:
    for mixed in (ones(channels).mono(), ones(channels).stereo()):
        np.testing.assert_allclose(mixed.data, 1.0, rtol=1e-6)


def test_surround_is_mixed_as_bs775_says() -> None:
    left, right = mix_matrix(SPEAKERS[6], 2) / mix_matrix(SPEAKERS[6], 2)[0, 0]
    np.testing.assert_allclose(left, [1, 0, 0.7071, 0, 0.7071, 0], atol=1e-4)
    np.testing.assert_allclose(right, [0, 1, 0.7071, 0, 0, 0.7071], atol=1e-4)
    np.testing.assert_allclose(mix_matrix(SPEAKERS[6], 1), [(left + right) / (left + right).sum()], atol=1e-6)


def test_fronts_beside_the_centre_keep_to_their_sides() -> None:
    wide = ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC")
    left, right = mix_matrix(wide, 2)
    assert (left[6], right[7]) == (left[0], right[1])
    assert right[6] == left[7] == 0.0


def test_low_frequency_effects_alone_are_still_heard() -> None:
    np.testing.assert_array_equal(mix_matrix(("LFE", "LFE2"), 1), [[0.5, 0.5]])
