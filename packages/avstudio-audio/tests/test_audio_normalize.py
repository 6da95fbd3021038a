"""`audio.normalize` through the studio."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

import avstudio_audio
from avstudio_audio.media.contents import probe, read_labels
from avstudio_audio.media.decode import decode
from avstudio_audio.media.encode import encoder
from avstudio_audio.media.formats import AudioFormat
from avstudio_core import Studio, TaskOptions
from avstudio_core.errors import InvalidParams, TaskFailed
from avstudio_core.testing import ProcessorContract

RATE = 16_000
Make = Callable[..., Path]


class TestNormalize(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.normalize"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes noise of a level (the standard deviation of its samples), with one peak if that is given."""

    def written(
        level: float, peak: float = 0.0, name: str = "noise.wav", seconds: float = 4, channels: int = 2
    ) -> Path:
        random = np.random.default_rng(round(1000 * level))
        data = random.uniform(-1.7, 1.7, (round(seconds * RATE), channels)) * level
        if peak:
            data[RATE : RATE + 8] = peak
        sf.write(tmp_path / name, data, RATE, "PCM_24")
        return tmp_path / name

    return written


@pytest.mark.parametrize(
    ("params", "kind", "expected"),
    [
        ({}, "integrated", -16),
        ({"preset": "ebu_r128"}, "integrated", -23),
        ({"preset": "spotify"}, "integrated", -14),
        ({"mode": "rms"}, "rms", -20),
        ({"mode": "rms", "target": -30}, "rms", -30),
        ({"mode": "peak", "target": -3}, "sample_peak", -3),
        ({"mode": "true_peak"}, "true_peak", -1),
    ],
)
def test_a_recording_gets_the_level(one_studio: Studio, make: Make, params: Any, kind: str, expected: float) -> None:
    result = one_studio.run("audio.normalize", make(0.05), **params)
    assert getattr(result.after, kind) == pytest.approx(expected, abs=0.05)
    assert (result.status, result.target_reached, result.warnings) == ("normalized", True, [])
    assert result.gain == pytest.approx(expected - getattr(result.before, kind), abs=0.05)


def test_the_gain_is_all_that_changes(one_studio: Studio, make: Make) -> None:
    source = make(0.05)
    result = one_studio.run("audio.normalize", source, format="wav-float")
    expected = decode(source).data * np.float32(10 ** (result.gain / 20))
    assert np.allclose(decode(result.files["sound"].path).data, expected, atol=1e-5)


def test_without_a_limiter_a_peak_keeps_the_level_low(one_studio: Studio, make: Make) -> None:
    source = make(0.05, peak=0.8)
    result = one_studio.run("audio.normalize", source)
    assert result.after.true_peak == pytest.approx(-1, abs=0.05)
    assert result.after.integrated < -17
    assert not result.target_reached
    assert [one.code for one in result.warnings] == ["target_missed"]
    with pytest.raises(TaskFailed, match="strict"):
        one_studio.submit("audio.normalize", source, options=TaskOptions(strict=True)).result()


def test_with_a_limiter_the_level_is_reached_below_the_ceiling(one_studio: Studio, make: Make) -> None:
    result = one_studio.run("audio.normalize", make(0.05, peak=0.8), strategy="linear_then_limit", target=-12)
    assert result.after.integrated == pytest.approx(-12, abs=0.2)
    assert result.after.true_peak <= -0.99
    assert result.target_reached
    assert result.limited > 3


def test_sound_that_is_loud_enough_is_left(one_studio: Studio, make: Make) -> None:
    source = make(0.05)
    measured = one_studio.run("audio.normalize", source, measure_only=True)
    assert measured.target_reached is None
    level = measured.before.integrated
    near = one_studio.run("audio.normalize", source, target=round(level) + 1, skip_within=2)
    assert (near.status, near.gain, near.target_reached) == ("skipped", 0, False)
    quiet = one_studio.run("audio.normalize", source, target=-5, lower_only=True)
    assert (quiet.status, quiet.gain) == ("skipped", 0)
    lower = one_studio.run("audio.normalize", source, target=-40, lower_only=True)
    assert (lower.status, lower.target_reached) == ("normalized", True)


def test_sound_that_is_left_is_not_encoded_with_losses(one_studio: Studio, make: Make) -> None:
    source = make(0.05)
    left = one_studio.run("audio.normalize", source, skip_within=20).files["sound"].path
    assert np.array_equal(decode(left).data, decode(source).data)
    lossy = one_studio.run("audio.normalize", source, format="mp3").files["sound"].path
    again = one_studio.run("audio.normalize", lossy, keep_format=True, skip_within=1).files["sound"].path
    assert again.read_bytes() == lossy.read_bytes()


def test_an_album_has_one_gain(one_studio: Studio, make: Make) -> None:
    loud, quiet = make(0.1, name="loud.wav"), make(0.05, name="quiet.wav")
    result = one_studio.run("audio.normalize", loud, others=[quiet], target=-20)
    assert set(result.files) == {"sound", "sound_2"}
    assert result.after.integrated == pytest.approx(-20, abs=0.1)
    first, second = result.levels["sound"], result.levels["sound_2"]
    assert (first.name, second.name) == ("loud.wav", "quiet.wav")
    for one in (first, second):
        assert one.after.integrated - one.before.integrated == pytest.approx(result.gain, abs=0.05)
    assert first.after.integrated - second.after.integrated == pytest.approx(6, abs=0.3)


def test_files_of_an_album_with_the_same_name_stay_apart(one_studio: Studio, make: Make, tmp_path: Path) -> None:
    one = make(0.1, name="song.wav")
    (tmp_path / "b").mkdir()
    two = make(0.05, name="b/song.wav")
    files = one_studio.run("audio.normalize", one, others=[two]).files
    assert [file.name for file in files.values()] == ["song.normalized.flac", "song.2.normalized.flac"]


def test_measuring_writes_no_file_and_gives_curves(one_studio: Studio, make: Make) -> None:
    result = one_studio.run(
        "audio.normalize", make(0.05), measure_only=True, curves=["momentary", "short_term"], curve_step=0.5
    )
    assert (result.files, result.after, result.status) == ({}, None, "measured")
    curves = result.curves["sound"]
    assert (curves.step, len(curves.momentary), len(curves.short_term)) == (0.5, 8, 3)
    assert curves.momentary == pytest.approx([result.before.integrated] * 8, abs=1)
    assert result.before.range == pytest.approx(0, abs=0.5)


def test_one_channel_for_two_speakers_is_measured_louder(one_studio: Studio, make: Make) -> None:
    source = make(0.05, channels=1)
    one, two = (one_studio.run("audio.normalize", source, measure_only=True, dual_mono=dual) for dual in (False, True))
    assert two.before.integrated - one.before.integrated == pytest.approx(3.01, abs=0.01)


def test_tags_are_kept_but_not_those_about_the_loudness(one_studio: Studio, tmp_path: Path) -> None:
    source = tmp_path / "song.flac"
    sound = np.random.default_rng(1).uniform(-0.1, 0.1, (2, 2 * RATE)).astype(np.float32)
    tags = {"title": "A song", "replaygain_track_gain": "-3 dB"}
    with encoder(source, AudioFormat.FLAC, RATE, 2, sound.shape[1], tags=tags) as write:
        write(sound)
    found = read_labels(one_studio.run("audio.normalize", source).files["sound"].path).tags
    assert found["title"] == "A song"
    assert "replaygain_track_gain" not in found


@pytest.mark.parametrize("format", [AudioFormat.WAV, AudioFormat.MP3, AudioFormat.OGG, AudioFormat.AIFF])
def test_the_format_is_kept(one_studio: Studio, tmp_path: Path, format: AudioFormat) -> None:
    source = tmp_path / f"noise{format.suffix}"
    sound = np.random.default_rng(1).uniform(-0.1, 0.1, (2, 2 * RATE)).astype(np.float32)
    with encoder(source, format, RATE, 2, sound.shape[1]) as write:
        write(sound)
    made = one_studio.run("audio.normalize", source, keep_format=True).files["sound"]
    old, new = (probe(path).audio[0] for path in (source, made.path))
    assert (new.codec, new.rate, new.channels, new.bits) == (old.codec, old.rate, old.channels, old.bits)


def test_a_format_beside_the_one_that_is_kept_is_told(one_studio: Studio, make: Make) -> None:
    result = one_studio.run("audio.normalize", make(0.05), keep_format=True, format="mp3")
    assert result.files["sound"].name.endswith(".normalized.wav")
    assert [one.code for one in result.warnings] == ["parameter_ignored"]


def test_a_lossy_codec_stays_below_the_ceiling(one_studio: Studio, make: Make) -> None:
    result = one_studio.run(
        "audio.normalize", make(0.1, peak=0.9), strategy="linear_then_limit", target=-10, format="mp3"
    )
    assert result.after.true_peak <= -0.95
    assert result.after.true_peak == pytest.approx(measured_peak(one_studio, result.files["sound"].path), abs=0.01)


def measured_peak(studio: Studio, path: Path) -> float:
    return float(studio.run("audio.normalize", path, measure_only=True).before.true_peak)


SILENT: list[Any] = [
    (np.zeros(2 * RATE), "digital silence"),
    (np.full(1, 0.5), "shorter than 0.4 s"),
    (np.full(RATE // 10, 0.5), "shorter than 0.4 s"),
    (np.random.default_rng(1).uniform(-1e-5, 1e-5, 2 * RATE), "quieter than −70 LUFS"),
    (np.zeros(10), "digital silence"),
]


@pytest.mark.parametrize(("samples", "why"), SILENT)
def test_sound_without_loudness_is_refused_and_measured(
    one_studio: Studio, tmp_path: Path, samples: Any, why: str
) -> None:
    sf.write(tmp_path / "short.wav", samples, RATE, "FLOAT")
    with pytest.raises(TaskFailed, match=why):
        one_studio.run("audio.normalize", tmp_path / "short.wav")
    result = one_studio.run("audio.normalize", tmp_path / "short.wav", measure_only=True, curves=["momentary"])
    assert [one.code for one in result.warnings] == ["no_level"]
    json.loads(result.model_dump_json(), parse_constant=pytest.fail)


@pytest.mark.parametrize("mode", ["peak", "rms"])
@pytest.mark.parametrize("samples", [np.full(1, 0.25), np.full(RATE, 0.25), np.linspace(0, 0.3, 1600)])
def test_other_levels_need_no_loudness(one_studio: Studio, tmp_path: Path, samples: Any, mode: str) -> None:
    """One sample, a constant value, and a tenth of a second."""
    sf.write(tmp_path / "short.wav", samples, RATE, "FLOAT")
    result = one_studio.run("audio.normalize", tmp_path / "short.wav", mode=mode, target=-20)
    assert result.target_reached


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_numbers_are_refused(one_studio: Studio, tmp_path: Path, value: float) -> None:
    samples = np.full(RATE, 0.1)
    samples[500] = value
    sf.write(tmp_path / "bad.wav", samples, RATE, "FLOAT")
    with pytest.raises(TaskFailed, match="not numbers"):
        one_studio.run("audio.normalize", tmp_path / "bad.wav")


def test_a_preset_does_not_take_another_mode(one_studio: Studio, make: Make) -> None:
    with pytest.raises(InvalidParams, match="mode"):
        one_studio.run("audio.normalize", make(0.1), preset="podcast", mode="peak")
