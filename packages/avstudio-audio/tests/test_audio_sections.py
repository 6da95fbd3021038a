"""The sections of songs whose form is known, and of sound that has none."""

from __future__ import annotations

import json
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray

from avstudio_audio.analysis.chroma import Chroma
from avstudio_audio.analysis.onsets import RATE
from avstudio_audio.analysis.sections import Section, sections
from avstudio_core import Studio

Sound = NDArray[np.float32]
CHORDS = {"A": "C G a F", "B": "d F a G", "C": "e C D b"}
"""The chords of a section; minor ones are in lower case."""
ROOTS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
FORMS = ["ABABCB", "AABA", "ABACA", "ABCBA", "ABCABC", "ABABCBB"]
BAR = 1.9
LOOPS = {"A": 2, "B": 2, "C": 1}
"""How often the chords of a section are played."""


TIME = np.arange(round(BAR * RATE)) / RATE


def pitches_of(name: str) -> list[int]:
    root = ROOTS[name.lower()]
    return [root - 12, root, root + (3 if name.islower() else 4), root + 7]


@cache
def harmony(name: str, instrument: str) -> Sound:
    fade = {"organ": 0.0, "guitar": 3.0}[instrument]
    overtones = {"organ": (1, 2, 3), "guitar": (1, 2, 3, 4, 5)}[instrument]
    sound = sum(
        np.sin(2 * np.pi * 440 * 2 ** ((pitch - 9) / 12) * n * TIME) / n * np.exp(-fade * (TIME % (BAR / 4)))
        for pitch in pitches_of(name)
        for n in overtones
    )
    return np.asarray(0.05 * sound, np.float32)


def chord(name: str, instrument: str, seed: int) -> Sound:
    """A bar of a chord, and a tune that is another one for each seed."""
    tune = np.random.default_rng(seed).choice(pitches_of(name)[1:], 4) + 12
    pitch = 440 * 2 ** ((tune[(TIME / (BAR / 4)).astype(int).clip(0, 3)] - 9) / 12)
    played: Sound = harmony(name, instrument) + 0.06 * np.sin(2 * np.pi * pitch * TIME).astype(np.float32)
    return played


def song(form: str, instrument: str, noise: float) -> tuple[Sound, list[float]]:
    """A song, and where its sections begin and end."""
    bars = [name for letter in form for name in CHORDS[letter].split() * LOOPS[letter]]
    sound = np.concatenate([chord(name, instrument, seed) for seed, name in enumerate(bars)])
    lengths = [len(CHORDS[letter].split()) * LOOPS[letter] * BAR for letter in form]
    hiss = noise * np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32)
    return sound + hiss, list(accumulate(lengths, initial=0.0))


def found_in(sound: Sound) -> list[Section]:
    chroma = Chroma()
    chroma.feed(sound)
    chroma.finish()
    return sections(chroma.classes()[0])


@pytest.mark.parametrize(("instrument", "noise"), [("organ", 0.03), ("guitar", 0.002)])
def test_boundaries_and_letters_are_those_of_the_form(instrument: str, noise: float) -> None:
    segment = pytest.importorskip("mir_eval.segment", reason="mir_eval is not installed")
    scores = []
    for form in FORMS:
        sound, times = song(form, instrument, noise)
        found = found_in(sound)
        given = np.stack((times[:-1], times[1:]), axis=1)
        spans = np.array([(one.start, one.end) for one in found])
        spans[-1, 1] = times[-1]
        boundaries = segment.detection(given, spans, window=3, trim=True)[2]
        scores.append((boundaries, segment.pairwise(given, list(form), spans, [one.letter for one in found])[2]))
    assert np.mean(scores, axis=0).min() > 0.85, scores
    assert np.min(scores) > 0.5, scores


def test_what_does_not_come_again_has_no_sections(say: Any) -> None:
    dice = np.random.default_rng(4)
    noise = 0.1 * dice.standard_normal(90 * RATE).astype(np.float32)
    names = dice.choice(list("CDEFGABcdefgab"), 45)
    chords = np.concatenate([chord(name, "guitar", seed) for seed, name in enumerate(names)])
    words = " ".join("".join(dice.choice(list("aeioulmnrst"), 5)) for _ in range(50))
    for sound in (noise, np.zeros_like(noise), chords, say(words).data, song("ABAB", "organ", 0)[0][: 15 * RATE]):
        assert found_in(sound) == []


def test_a_song_has_a_table_of_its_sections(one_studio: Studio, tmp_path: Path) -> None:
    sound, times = song("ABABCB", "organ", 0.01)
    sf.write(tmp_path / "song.wav", np.concatenate((sound, np.zeros(RATE // 10))), RATE)
    result = one_studio.run("audio.analyze", tmp_path / "song.wav", analyses=["structure"])
    assert [one.letter for one in result.structure] == list("ABABCB")
    assert [one.start for one in result.structure] == pytest.approx(times[:-1], abs=1.5)
    assert min(one.confidence for one in result.structure) > 0.1
    written = json.loads(result.analysis.path.read_text())["structure"]
    assert written == [one.model_dump() for one in result.structure]


def test_a_part_of_a_song_has_no_sections_which_is_told(one_studio: Studio, tmp_path: Path) -> None:
    sf.write(tmp_path / "part.wav", song("AB", "organ", 0)[0][: 10 * RATE], RATE)
    result = one_studio.run("audio.analyze", tmp_path / "part.wav", analyses=["structure"])
    assert (result.structure, [one.code for one in result.warnings]) == ([], ["no_structure"])
