"""`audio.mix` through the studio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings, strategies as st

import avstudio_audio
from avstudio_audio.loudness.meter import Meter
from avstudio_audio.media.chunks import chunks
from avstudio_audio.media.decode import decode
from avstudio_core import Studio
from avstudio_core.errors import AVStudioError, InvalidParams
from avstudio_core.testing import ProcessorContract

RATE = 8_000


class TestMix(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.mix"


@pytest.fixture
def noise(tmp_path: Path) -> Callable[..., Path]:
    """`noise("a", seconds=1.0, channels=2, level=0.2)`: a file of floats."""

    def make(name: str, seconds: float = 1.0, channels: int = 2, level: float = 0.2, rate: int = RATE) -> Path:
        data = np.random.default_rng(len(name)).uniform(-level, level, (round(seconds * rate), channels))
        sf.write(tmp_path / f"{name}.wav", data, rate, "FLOAT")
        return tmp_path / f"{name}.wav"

    return make


def mixed(studio: Studio, *paths: Path, **params: Any) -> Any:
    files = [str(path) for path in paths[1:]]
    return studio.run("audio.mix", paths[0], **{"format": "wav-float", "inputs": files, **params})


def data(file: Any) -> Any:
    return decode(file if isinstance(file, Path) else file.sound.path).data


def test_a_mix_is_the_sum_of_its_inputs(one_studio: Studio, noise: Any) -> None:
    a, b, c = noise("a"), noise("bb", 2.0), noise("ccc", 0.5)
    result = mixed(one_studio, a, b, c, gains=[-6, 0, 6], offsets=[0, 0.25, 1.0])
    expected = np.zeros((2, round(2.25 * RATE)))
    for path, gain, at in ((a, -6, 0), (b, 0, 2_000), (c, 6, 8_000)):
        part = data(path)
        expected[:, at : at + part.shape[1]] += part * 10 ** (gain / 20)
    np.testing.assert_allclose(data(result), expected, atol=1e-7)
    assert result.duration == 2.25
    assert result.peak_dbfs == pytest.approx(20 * np.log10(np.abs(expected).max()))


@pytest.mark.parametrize(("length", "seconds"), [("longest", 2.0), ("shortest", 0.5), ("first", 1.0)])
def test_the_length_is_that_of_an_input(one_studio: Studio, noise: Any, length: str, seconds: float) -> None:
    result = mixed(one_studio, noise("a"), noise("bb", 2.0), noise("ccc", 0.5), length=length)
    assert (result.duration, data(result).shape[1]) == (seconds, seconds * RATE)


def test_a_negative_offset_leaves_out_the_start(one_studio: Studio, noise: Any) -> None:
    a, b = noise("a"), noise("bb")
    result = mixed(one_studio, a, b, offsets=[-0.25, 0], mute=[2])
    np.testing.assert_array_equal(data(result), data(a)[:, 2_000:])


@pytest.mark.parametrize(
    ("params", "name"),
    [({"offsets": [0, -2]}, "b.wav"), ({"offsets": [0, 1], "length": "first"}, "b.wav"), ({"offsets": [-1]}, "a.wav")],
)
def test_an_input_of_which_nothing_is_heard_is_told(one_studio: Studio, noise: Any, params: Any, name: str) -> None:
    result = mixed(one_studio, noise("a"), noise("b", 2), **params)
    assert [(warning.code, name in warning.message) for warning in result.warnings] == [("not_heard", True)]


def test_muted_inputs_and_pans(one_studio: Studio, noise: Any) -> None:
    a, b = noise("a", channels=1), noise("bb", channels=1)
    result = mixed(one_studio, a, b, pans=[-1, 0.5])
    np.testing.assert_allclose(data(result)[0], data(a)[0] + 0.5 * data(b)[0], atol=1e-7)
    np.testing.assert_allclose(data(result)[1], data(b)[0], atol=1e-7)
    assert mixed(one_studio, a, b).channels == 1
    with pytest.raises(AVStudioError, match="All inputs are muted"):
        mixed(one_studio, a, b, mute=[1, 2])


def test_other_rates_and_channels_are_converted(one_studio: Studio, tmp_path: Path) -> None:
    for name, rate, channels in (("a", 48_000, 2), ("b", 44_100, 1)):
        tone = 0.2 * np.sin(2 * np.pi * 1_000 * np.arange(rate) / rate)
        sf.write(tmp_path / f"{name}.wav", np.stack([tone] * channels).T, rate, "FLOAT")
    result = mixed(one_studio, tmp_path / "a.wav", tmp_path / "b.wav", gains=[0, -200])
    both = mixed(one_studio, tmp_path / "a.wav", tmp_path / "b.wav")
    assert (both.rate, both.channels, both.duration) == (48_000, 2, 1.0)
    np.testing.assert_allclose(data(both)[:, 500:-500], 2 * data(result)[:, 500:-500], atol=1e-4)


def test_clipping_is_reported_limited_or_scaled(one_studio: Studio, noise: Any) -> None:
    a, b = noise("a", level=0.9), noise("bb", level=0.9)
    whole = data(a).astype(float) + data(b)
    floats = mixed(one_studio, a, b)
    np.testing.assert_allclose(data(floats), whole, atol=1e-6)
    assert floats.warnings == []
    assert [one.code for one in mixed(one_studio, a, b, format="wav", bits=16).warnings] == ["clipped"]
    scaled = mixed(one_studio, a, b, on_clip="scale")
    np.testing.assert_allclose(data(scaled), whole / np.abs(whole).max(), atol=1e-6)
    assert scaled.gain_db == pytest.approx(-20 * np.log10(np.abs(whole).max()))
    limited = mixed(one_studio, a, b, on_clip="limit", format="wav24")
    assert limited.warnings == []
    assert 0.5 < np.abs(data(limited)).max() <= 1.0
    assert limited.gain_db < -3
    meter = Meter(RATE, 2)
    meter.add(np.asarray(data(limited), np.float32))
    assert (meter.finish().true_peak or 0.0) <= 0.0


@pytest.mark.parametrize(
    "params", [{"gains": [0, 0, 0]}, {"mute": [3]}, {"pans": [2]}, {"gains": [99]}, {"offsets": [1e9]}]
)
def test_contradictions_are_refused_before_the_run(one_studio: Studio, noise: Any, params: Any) -> None:
    with pytest.raises(InvalidParams):
        one_studio.submit("audio.mix", noise("a"), inputs=[str(noise("bb"))], **params)


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(0, 50_000), max_size=5), offset=st.integers(-60_000, 60_000))
def test_chunks_lose_nothing(sizes: list[int], offset: int) -> None:
    sound = np.arange(sum(sizes), dtype=np.float32)[None]
    got = np.concatenate([sound[:, :0], *chunks(iter(np.split(sound, np.cumsum(sizes), axis=1)), 1, offset)], axis=1)
    silence = np.zeros((1, max(0, offset)), np.float32)
    np.testing.assert_array_equal(got, np.concatenate([silence, sound[:, max(0, -offset) :]], axis=1))
