"""Sound with a wrong level or a wrong phase."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from avstudio_audio.media.decode import decode
from avstudio_core.errors import UnreadableMedia


def test_an_offset_alone_is_not_sound(tmp_path: Path, heard: Any) -> None:
    for seconds in (2.0, 0.001):  # the shorter one is a click
        sf.write(tmp_path / f"{seconds}.wav", np.full(round(8_000 * seconds), 0.25), 8_000)
        decode(tmp_path / f"{seconds}.wav", warn=heard)
    assert heard.codes == ["constant"]
    assert "2.0.wav' has no sound: all its samples have the value 0.25." in heard.messages[0]


def test_channels_that_cancel_give_one_of_them(tmp_path: Path, music: Any, heard: Any) -> None:
    left = music(1, 16_000, 3.0)[0]
    sf.write(tmp_path / "a.wav", np.stack([left, -left]).T, 16_000, "FLOAT")
    mono = decode(tmp_path / "a.wav", channels=1, warn=heard)
    np.testing.assert_allclose(np.abs(mono.data[0]), np.abs(left))
    assert np.vdot(mono.data[0], left) ** 2 == pytest.approx(np.vdot(left, left) ** 2, rel=1e-4)  # one sign throughout
    assert heard.codes == ["phase_cancelled"]
    assert "for 3.0 of 3.0 s" in heard.messages[0]


def test_only_the_part_that_cancels_is_replaced(tmp_path: Path, music: Any, heard: Any) -> None:
    left = music(1, 16_000, 8.0)[0]
    right = np.where(np.arange(len(left)) < 4 * 16_384, left, -0.9 * left)
    sf.write(tmp_path / "a.wav", np.stack([left, right]).T, 16_000, "FLOAT")
    np.testing.assert_allclose(decode(tmp_path / "a.wav", channels=1, warn=heard).data[0], left, atol=1e-6)
    assert heard.codes == ["phase_cancelled"]


def test_surround_whose_front_cancels_is_heard(write: Any, music: Any, heard: Any) -> None:
    data = np.zeros((6, 48_000), np.float32)
    data[0] = music(1, 48_000, 1.0)[0]
    data[1] = -data[0]
    mono = decode(write("a.flac", "flac", data, 48_000), channels=1, warn=heard)
    assert np.abs(mono.data).max() > 0.2
    assert heard.codes == ["phase_cancelled"]


@pytest.mark.parametrize("kind", ["one side", "unlike", "silence", "stereo"])
def test_ordinary_stereo_is_averaged_as_ever(tmp_path: Path, music: Any, heard: Any, kind: str) -> None:
    left, right = music(2, 16_000, 2.0)
    noise = np.random.default_rng(2).standard_normal((2, 32_000)).astype(np.float32) * 0.1
    kinds = {"one side": [left, 0 * left], "unlike": [*noise], "silence": [0 * left, 0 * left], "stereo": [left, right]}
    data = np.stack(kinds[kind])
    sf.write(tmp_path / "a.wav", data.T, 16_000, "FLOAT")
    mono = decode(tmp_path / "a.wav", channels=1, warn=heard)
    np.testing.assert_allclose(mono.data, data.mean(axis=0, keepdims=True), atol=1e-6)
    assert heard.codes == []


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_floats_in_the_range_of_integers_are_scaled_with_a_warning(
    tmp_path: Path, music: Any, heard: Any, snr: Callable[..., float], bits: int, rate: int
) -> None:
    data = 2 * music(2, 16_000, 1.0)
    sf.write(tmp_path / "right.wav", data.T, 16_000, "FLOAT")
    sf.write(tmp_path / "a.wav", data.T * 2.0 ** (bits - 1), 16_000, "FLOAT")
    samples, right = (decode(tmp_path / name, rate=rate, warn=heard) for name in ("a.wav", "right.wav"))
    assert snr(samples.data, right.data) > 100
    assert heard.codes == ["rescaled"]
    assert f"in the range of {bits}-bit integers" in heard.messages[0]


@pytest.mark.parametrize("value", [1e30, -1e12, 5_000.0, 100.0])
def test_a_broken_value_is_refused_with_its_level_and_time(tmp_path: Path, music: Any, value: float) -> None:
    data = music(2, 16_000, 8.0) * 0.1
    data[1, 100_000] = value
    sf.write(tmp_path / "a.wav", data.T, 16_000, "FLOAT")
    with pytest.raises(
        UnreadableMedia, match=r"'.*a\.wav' reaches \+\d+ dBFS near (5|6)\.\d+ s, which is impossible for sound"
    ):
        decode(tmp_path / "a.wav", rate=8_000, channels=1)


@pytest.mark.parametrize("scale", [1.0, 2.0**15])
@pytest.mark.parametrize("factor", [300.0, 30_000.0, 1e9])
def test_a_broken_value_in_a_short_file_is_refused(tmp_path: Path, music: Any, scale: float, factor: float) -> None:
    data = music(1, 16_000, 2.0) * scale
    data[0, 20_000:20_004] = factor * scale
    sf.write(tmp_path / "a.wav", data.T, 16_000, "FLOAT")
    with pytest.raises(UnreadableMedia, match="which is impossible for sound"):
        decode(tmp_path / "a.wav")


def test_a_loud_mix_is_kept_as_it_is(tmp_path: Path, music: Any, heard: Any) -> None:
    data = 20 * music(2, 16_000, 1.0)
    sf.write(tmp_path / "a.wav", data.T, 16_000, "FLOAT")
    np.testing.assert_array_equal(decode(tmp_path / "a.wav", warn=heard).data, data)
    assert heard.codes == []
