"""`audio.denoise` with the real model of RNNoise: how much noise it removes, and what stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray

import avstudio_audio
from avstudio_audio import rnnoise
from avstudio_audio.media.decode import decode
from avstudio_core import Studio
from avstudio_core.errors import MissingDependency
from avstudio_core.testing import ProcessorContract
from avstudio_core.testing.fixtures import Tone

pytest.importorskip("pyrnnoise", reason="the extra avstudio-audio[denoise] is not installed")

TEXT = "Nobody was there, so we walked home again, along the river."
Sound = NDArray[np.float32]


class TestDenoise(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.denoise"


@pytest.fixture(scope="module")
def speech(say: Any) -> tuple[Sound, int]:
    spoken = say(TEXT)
    return spoken.data, spoken.rate


def noisy(speech: Sound, kind: str, snr_db: float) -> Sound:
    noise = np.random.default_rng(3).standard_normal(len(speech))
    if kind == "pink":
        spectrum = np.fft.rfft(noise)
        noise = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), len(speech))
    level = np.sqrt(np.mean(speech**2) / np.mean(noise**2) / 10 ** (snr_db / 10))
    return np.asarray(speech + level * noise, np.float32)


def quality(got: Sound, meant: Sound) -> float:
    """The scale-invariant ratio of signal to distortion, in dB."""
    length = min(len(got), len(meant))
    got, meant = got[:length].astype(np.float64), meant[:length].astype(np.float64)
    part = meant * (got @ meant) / (meant @ meant)
    return float(10 * np.log10((part @ part) / np.sum((got - part) ** 2)))


@pytest.mark.parametrize("kind", ["white", "pink"])
def test_speech_is_cleaner(one_studio: Studio, speech: tuple[Sound, int], tmp_path: Path, kind: str) -> None:
    clean, rate = speech
    sf.write(tmp_path / "noisy.wav", noisy(clean, kind, 5), rate, "FLOAT")
    result = one_studio.run("audio.denoise", tmp_path / "noisy.wav", format="wav-float")
    found = decode(result.sound.path)
    assert (found.rate, found.length, result.warnings) == (rate, len(clean), [])
    assert quality(found.data[0], clean) > 11
    assert result.sound.name == "noisy.denoised.wav"


def test_the_strength_is_the_part_of_the_noise_that_goes(
    one_studio: Studio, speech: tuple[Sound, int], tmp_path: Path
) -> None:
    given = noisy(speech[0], "white", 5)
    sf.write(tmp_path / "noisy.wav", np.stack((given, 0.5 * given), axis=1), 48_000, "FLOAT")
    none, half, whole = (
        one_studio.run("audio.denoise", tmp_path / "noisy.wav", format="wav-float", strength=strength)
        for strength in (0, 0.5, 1)
    )
    sounds = [decode(one.sound.path).data for one in (none, half, whole)]
    np.testing.assert_array_equal(sounds[0], np.stack((given, 0.5 * given)))
    np.testing.assert_allclose(sounds[1], (sounds[0] + sounds[2]) / 2, atol=1e-6)
    assert none.removed_dbfs is None
    assert whole.removed_dbfs - half.removed_dbfs == pytest.approx(6.02, abs=0.02)


@pytest.mark.parametrize(
    ("rate", "samples", "codes"), [(8_000, 1, []), (96_000, 9_600, ["resampled", "mostly_removed"])]
)
def test_any_rate_and_length(one_studio: Studio, tmp_path: Path, rate: int, samples: int, codes: list[str]) -> None:
    sf.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal((samples, 2)), rate)
    result = one_studio.run("audio.denoise", tmp_path / "a.wav")
    assert (result.rate, decode(result.sound.path).duration) == (min(rate, 48_000), samples / rate)
    assert [one.code for one in result.warnings] == codes


def test_music_is_taken_for_noise_which_is_told(one_studio: Studio, tone: Tone) -> None:
    result = one_studio.run("audio.denoise", tone(seconds=2, rate=44_100, channels=2))
    assert [one.code for one in result.warnings] == ["mostly_removed"]


def test_blocks_of_any_length_give_the_same_sound(speech: tuple[Sound, int]) -> None:
    made = []
    for size in (100, 4_801, len(speech[0])):
        work = rnnoise.RNNoise()
        parts = [work.feed(speech[0][at : at + size]) for at in range(0, len(speech[0]), size)]
        made.append(np.concatenate([*parts, work.rest()]))
        work.close()
    assert {len(one) for one in made} == {len(speech[0])}
    np.testing.assert_array_equal(made[0], made[2])
    np.testing.assert_array_equal(made[1], made[2])


def test_without_the_library_the_extra_is_named(
    one_studio: Studio, tone: Tone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rnnoise, "LIBRARIES", ())
    with pytest.raises(MissingDependency, match=r"avstudio-audio\[denoise\]"):
        one_studio.run("audio.denoise", tone())
