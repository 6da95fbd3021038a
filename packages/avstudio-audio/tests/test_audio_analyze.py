"""`audio.analyze` through the studio: tempo, beats, key, spectrum, silence, speech, pictures."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray
from pydantic import ValidationError

import avstudio_audio
from avstudio_audio.analysis.chroma import Chroma
from avstudio_audio.analysis.key import NAMES, likely_keys
from avstudio_audio.analysis.onsets import RATE, Onsets, onset_times
from avstudio_audio.analysis.tempo import tempo_candidates
from avstudio_audio.analyze import AnalyzeParams, AnalyzeResult
from avstudio_core import Studio
from avstudio_core.testing import ProcessorContract

Sound = NDArray[np.float32]
SECONDS = 16
EIGHTHS = {
    "clicks": {"click": "x.x.x.x."},
    "rock": {"kick": "x...x...", "snare": "..x...x.", "hat": "xxxxxxxx"},
    "disco": {"kick": "x.x.x.x.", "snare": "..x...x.", "hat": ".x.x.x.x"},
    "funk": {"kick": "x..x.x..", "snare": "..x...x.", "hat": "xxxxxxxx"},
    "house": {"kick": "x.x.x.x."},
    "waltz": {"kick": "x.....", "snare": "..x.x.", "hat": "x.x.x."},
}
"""Drum patterns in eighth notes."""


def stroke(drum: str) -> Sound:
    time = np.arange(RATE // 4) / RATE
    noise = np.random.default_rng(1).standard_normal(len(time))
    sounds = {
        "click": np.sin(2 * np.pi * 1000 * time) * np.exp(-time * 120),
        "kick": np.sin(2 * np.pi * (50 * time + 2.7 * (1 - np.exp(-time * 30)))) * np.exp(-time * 14),
        "snare": 0.5 * noise * np.exp(-time * 22) + 0.5 * np.sin(2 * np.pi * 190 * time) * np.exp(-time * 25),
        "hat": 0.25 * np.diff(noise, prepend=0.0) * np.exp(-time * 70),
    }
    return sounds[drum].astype(np.float32)


def drums(pattern: str, bpm: float, start: float = 0.1) -> Sound:
    """A pattern from `start`, its strokes up to some ms early or late."""
    sound = np.zeros((SECONDS + 1) * RATE, np.float32)
    late = np.random.default_rng(2)
    for drum, strokes in EIGHTHS[pattern].items():
        one = stroke(drum)
        for number, time in enumerate(np.arange(start, SECONDS, 30 / bpm)):
            if strokes[number % len(strokes)] == "x":
                at = round((time + late.normal(0, 0.002) * (drum != "click")) * RATE)
                sound[at : at + len(one)] += 0.3 * one
    return sound[: SECONDS * RATE]


def chords(root: int, mode: str, cents: float = 0.0) -> Sound:
    """The cadence I IV V I in a key, with overtones."""
    time = np.arange(RATE) / RATE
    parts = []
    for step in (0, 5, 7, 0):
        third = 3 if mode == "minor" and step != 7 else 4
        pitches = [440 * 2 ** ((root - 9 + step + up + cents / 100) / 12) for up in (-12, 0, third, 7)]
        parts.append(sum(np.sin(2 * np.pi * f * n * time) / n**1.5 for f in pitches for n in (1, 2, 3, 4)))
    return np.asarray(np.concatenate(parts) * 0.05, np.float32)


def strength(sound: Sound) -> Sound:
    onsets = Onsets()
    for start in range(0, len(sound), 20_000):
        onsets.feed(sound[start : start + 20_000])
    return onsets.strength()


def test_the_first_tempo_is_right_nine_times_of_ten_and_a_candidate_always() -> None:
    first = among = 0
    cases = [(pattern, bpm) for pattern in EIGHTHS for bpm in range(60, 201, 20)]
    for pattern, bpm in cases:
        found = [one.bpm / bpm for one in tempo_candidates(strength(drums(pattern, bpm)), 50, 220)]
        first += abs(found[0] - 1) < 0.04
        among += any(abs(one - 1) < 0.04 for one in found[:5])
    assert among == len(cases)
    assert first >= 0.9 * len(cases)


def test_onsets_are_at_the_clicks() -> None:
    times = onset_times(strength(drums("clicks", 120, start=0.13)))
    assert len(times) == 32
    np.testing.assert_allclose(times, np.arange(0.13, SECONDS, 0.5), atol=0.010)


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_every_key_is_recognised_in_every_tuning(mode: str) -> None:
    for root in range(12):
        chroma, cents = Chroma(), (0.0, 30.0, -40.0)[root % 3]
        chroma.feed(chords(root, mode, cents))
        chroma.finish()
        classes, tuning = chroma.classes()
        assert likely_keys(classes)[0].name == f"{NAMES[root]} {mode}"
        assert tuning == pytest.approx(cents, abs=2)


@pytest.mark.parametrize("kind", ["noise", "tone", "silence", "constant", "one sample"])
def test_what_is_no_music_has_no_tempo(one_studio: Studio, tmp_path: Path, kind: str) -> None:
    time = np.arange(8 * RATE) / RATE
    sounds = {
        "noise": np.random.default_rng(3).standard_normal(len(time)) * 0.1,
        "tone": np.sin(2 * np.pi * 500 * time) * 0.3,
        "silence": np.zeros_like(time),
        "constant": np.full_like(time, 0.25),
        "one sample": np.array([0.5]),
    }
    sf.write(tmp_path / "a.wav", sounds[kind], RATE)
    pytest.importorskip("PIL")
    result = one_studio.run(
        "audio.analyze", tmp_path / "a.wav", pictures=["waveform", "spectrogram", "chroma", "loudness"]
    )
    assert result.tempo is None
    codes = {warning.code for warning in result.warnings}
    assert {"silence": {"silent"}, "constant": {"constant"}}.get(kind, set()) | {"no_pulse"} <= codes
    assert kind in ("silence", "constant") or not codes & {"silent", "constant"}
    assert all(Path(picture.path).stat().st_size > 500 for picture in result.pictures.values())
    assert (result.spectrum is None) == (kind == "silence")
    assert (result.silence_total == 0) == (kind != "silence")


@pytest.fixture(scope="module")
def analysed(one_studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> AnalyzeResult:
    """Drums at 97.3 BPM, stereo at 44.1 kHz, with 2 s of silence at the end."""
    sound = np.concatenate((np.repeat(drums("rock", 97.3), 2), np.zeros(88_200, np.float32)))
    path = tmp_path_factory.mktemp("sound") / "song.flac"
    sf.write(path, np.stack((sound, 0.5 * sound)).T, 2 * RATE)
    result = one_studio.run("audio.analyze", path, beats=["csv", "labels"])
    assert isinstance(result, AnalyzeResult)
    return result


def test_the_tempo_and_the_beats_are_exact(analysed: AnalyzeResult) -> None:
    assert analysed.tempo is not None
    assert analysed.tempo.bpm == pytest.approx(97.3, abs=0.3)
    assert analysed.tempo.confidence > 0.4
    beats = json.loads(Path(analysed.analysis.path).read_text())["beats"]
    true = np.arange(0.1, SECONDS, 60 / 97.3)
    assert len(beats) == len(true)
    assert np.abs(np.array(beats) - true).max() < 0.02


def test_the_files_with_beats_can_be_read_by_others(analysed: AnalyzeResult) -> None:
    beats = json.loads(Path(analysed.analysis.path).read_text())["beats"]
    rows = list(csv.DictReader(io.StringIO(Path(analysed.beats["csv"].path).read_text())))
    assert [float(row["time"]) for row in rows] == pytest.approx(beats)
    labels = [line.split("\t") for line in Path(analysed.beats["labels"].path).read_text().splitlines()]
    assert [(float(start), float(end)) for start, end, _ in labels] == [(time, time) for time in beats]


def test_loudness_is_that_of_the_standard(one_studio: Studio, tmp_path: Path) -> None:
    tone = 10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * np.arange(20 * 48_000) / 48_000)
    sf.write(tmp_path / "a.wav", np.stack((tone, tone)).T, 48_000, "PCM_24")  # case 1 of EBU Tech 3341
    result = one_studio.run("audio.analyze", tmp_path / "a.wav", analyses=["loudness"])
    assert result.loudness.integrated == pytest.approx(-23.0, abs=0.1)
    assert result.loudness.true_peak == pytest.approx(-23.0, abs=0.2)


def test_silence_is_found_to_the_hundredth(analysed: AnalyzeResult) -> None:
    assert analysed.silence is not None
    last = analysed.silence[-1]
    assert last.start == pytest.approx(SECONDS, abs=0.2)
    assert last.end == 18.0


def test_the_spectrum_shows_the_cut_of_a_codec(one_studio: Studio, tmp_path: Path) -> None:
    noise = np.random.default_rng(4).standard_normal(4 * 44_100) * 0.1
    spectrum = np.fft.rfft(noise)
    spectrum[round(16_000 / 44_100 * len(noise)) :] = 0
    sf.write(tmp_path / "a.wav", np.fft.irfft(spectrum), 44_100)
    result = one_studio.run("audio.analyze", tmp_path / "a.wav", analyses=["spectrum"])
    assert result.spectrum.highest_hz == pytest.approx(16_000, abs=150)
    assert result.spectrum.centroid_hz == pytest.approx(8_000, abs=300)


def test_speech_is_found_where_somebody_speaks(one_studio: Studio, voice: Path, tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper")
    sound, rate = sf.read(voice, dtype="float32")
    quiet = np.zeros((3 * rate, sound.shape[1]), np.float32)
    sf.write(tmp_path / "a.wav", np.concatenate((quiet, sound)), rate)
    result = one_studio.run("audio.analyze", tmp_path / "a.wav", analyses=["speech"])
    assert result.tempo is None
    assert result.speech
    assert all(span.start >= 2.5 for span in result.speech)


@pytest.mark.parametrize("format", ["png", "svg"])
def test_a_picture_shows_the_sound(one_studio: Studio, tmp_path: Path, format: str) -> None:
    image = pytest.importorskip("PIL.Image")
    sound = np.zeros(RATE * 4, np.float32)
    sound[RATE * 2 :] = 0.9 * np.sin(np.arange(RATE * 2) * 2 * np.pi * 1000 / RATE)
    sf.write(tmp_path / "a.wav", sound, RATE)
    given: dict[str, Any] = {"pictures": ["waveform"], "picture_format": format, "analyses": ["silence"]}
    path = one_studio.run("audio.analyze", tmp_path / "a.wav", **given).pictures["waveform"].path
    if format == "svg":
        paths = ElementTree.parse(path).getroot().iter("{http://www.w3.org/2000/svg}path")
        assert any(len(one.attrib["d"]) > 1000 for one in paths)
        return
    blue = np.asarray(image.open(path).convert("RGB")).astype(int)
    dark = (blue[..., 2] - blue[..., 0] > 60).sum(axis=0)
    left, right = dark[100:600].mean(), dark[650:1180].mean()
    assert right > 50 * max(left, 0.5)


@pytest.mark.parametrize(
    "given", [{"min_bpm": 100, "max_bpm": 150}, {"beats": ["csv"], "analyses": ["key"]}, {"analyses": ["taste"]}]
)
def test_contradictions_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnalyzeParams(**given)


class TestAnalyze(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.analyze"
