"""`audio.trim` through the studio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings, strategies as st

import avstudio_audio
from avstudio_audio.media.contents import read_labels
from avstudio_audio.media.decode import decode
from avstudio_audio.media.encode import encoder
from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.labels import Chapter
from avstudio_audio.media.spans import cut
from avstudio_audio.trim import Trim
from avstudio_core import Studio
from avstudio_core.documents.transcript import Segment, Transcript, Word
from avstudio_core.errors import AVStudioError, InvalidParams
from avstudio_core.spans import kept_spans
from avstudio_core.testing import ProcessorContract

RATE = 8_000


class TestTrim(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.trim"


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """Three seconds in which every sample has a value of its own."""
    data = np.arange(1, 3 * RATE + 1, dtype=np.int16)
    sf.write(tmp_path / "ramp.wav", np.stack([data, -data]).T, RATE, "PCM_16")
    return tmp_path / "ramp.wav"


def kept(result: Any) -> Any:
    return np.rint(decode(result.sound.path).data[0] * 2**15).astype(int)


@pytest.mark.parametrize(
    ("params", "meant"),
    [
        ({"start": 0.5, "end": 1.25}, [(4_000, 10_000)]),
        ({"start": 2.9}, [(23_200, 24_000)]),
        ({"end": 0.000125}, [(0, 1)]),
        ({"keep": ["2-2.5", "0:00-0.25"]}, [(0, 2_000), (16_000, 20_000)]),
        ({"keep": ["0.5-1", "0.75-1.5"]}, [(4_000, 12_000)]),
        ({"remove": ["1-2"]}, [(0, 8_000), (16_000, 24_000)]),
        ({"remove": ["-1", "2.5-"]}, [(8_000, 20_000)]),
        ({"remove": ["1-5"]}, [(0, 8_000)]),
        ({"start": 0.5, "end": 2, "remove": ["1-1.5"]}, [(4_000, 8_000), (12_000, 16_000)]),
    ],
)
def test_cuts_are_exact_to_the_sample(one_studio: Studio, ramp: Path, params: Any, meant: Any) -> None:
    result = one_studio.run("audio.trim", ramp, format="wav", **params)
    expected = np.concatenate([np.arange(low + 1, high + 1) for low, high in meant])
    np.testing.assert_array_equal(kept(result), expected)
    np.testing.assert_allclose(result.kept, np.array(meant) / RATE)
    assert result.duration == len(expected) / RATE
    assert result.warnings == []


def test_a_part_beyond_the_end_is_reported(one_studio: Studio, ramp: Path) -> None:
    result = one_studio.run("audio.trim", ramp, format="wav", start=2, end=5)
    assert len(kept(result)) == RATE
    assert [warning.code for warning in result.warnings] == ["span_shortened"]
    result = one_studio.run("audio.trim", ramp, format="wav", keep=["1-2", "3.5-4"])
    assert (result.kept, [warning.code for warning in result.warnings]) == ([(1, 2)], ["span_shortened"])
    with pytest.raises(AVStudioError, match=r"does not have sound after 100 s\."):
        one_studio.run("audio.trim", ramp, remove=["-100"])
    with pytest.raises(AVStudioError, match="does not have sound"):
        one_studio.run("audio.trim", ramp, format="wav", start=4, end=5)


def test_times_have_minutes_as_those_of_spans_do(one_studio: Studio, ramp: Path) -> None:
    made = one_studio.run("audio.trim", ramp, format="wav", start="0:01", end="00:00:01.5")
    assert made.kept == [(1.0, 1.5)]
    with pytest.raises(InvalidParams, match=r"start.*'1:x'.*not a time such as"):
        one_studio.submit("audio.trim", ramp, start="1:x")
    assert {"type": "string"} in Trim.params_type.model_json_schema()["properties"]["start"]["anyOf"]


@pytest.mark.parametrize(
    "params",
    [
        {"start": 2, "end": 1},
        {"keep": ["3-1"]},
        {"keep": ["soon"]},
        {"remove": ["-"]},
        {"start": 1, "keep": ["1-2"]},
        {"stream_copy": True, "remove": ["1-2"]},
        {"stream_copy": True, "fade": 5},
        {"stream_copy": True, "bits": 24},
        {"fillers": True},
        {"sentences": True},
        {"remove_phrases": ["you know"]},
        {"start": 1e308},
        {"end": 1e15},
        {"keep": ["0-9999999999"]},
    ],
)
def test_contradictions_are_refused_before_the_run(one_studio: Studio, ramp: Path, params: Any) -> None:
    with pytest.raises(InvalidParams):
        one_studio.submit("audio.trim", ramp, **params)


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    """A transcript with a word each half second, without pauses."""
    said = "So um we go. Uh, you know, home"
    words = [Word(start=n / 2, end=n / 2 + 0.5, text=f" {one}") for n, one in enumerate(said.split())]
    segment = Segment(id=0, start=0, end=len(words) / 2, text=said, words=words)
    path = tmp_path / "ramp.json"
    path.write_text(Transcript(language="en", duration=4, segments=[segment]).written(), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("params", "spans", "left"),
    [
        ({"fillers": True}, [(0, 0.5), (1, 2), (2.5, 3)], "So we go. you"),
        ({"remove_phrases": ["you KNOW"]}, [(0, 2.5)], "So um we go. Uh,"),
        ({"remove_phrases": ["we"], "sentences": True, "remove": ["2-2.5"]}, [(2.5, 3)], "you"),
        ({"end": 1}, [(0, 1)], "So um"),
    ],
)
def test_words_of_a_transcript_are_cut_out(
    one_studio: Studio, ramp: Path, transcript: Path, params: Any, spans: Any, left: str
) -> None:
    result = one_studio.run("audio.trim", ramp, format="wav", transcript=transcript, **params)
    np.testing.assert_allclose(result.kept, spans)
    words = Transcript.parse(result.words.path.read_text(encoding="utf-8"))
    assert (words.text, words.duration) == (left, result.duration)
    assert words.segments[0].words[-1].end == pytest.approx(result.duration)


def test_words_that_are_not_in_the_transcript_are_told(one_studio: Studio, ramp: Path, transcript: Path) -> None:
    result = one_studio.run("audio.trim", ramp, transcript=transcript, remove_phrases=["never"])
    assert [one.code for one in result.warnings] == ["phrase_missing"]
    transcript.write_text("[]", encoding="utf-8")
    with pytest.raises(AVStudioError, match=r"'ramp\.json' cannot be read: It is not a transcript"):
        one_studio.run("audio.trim", ramp, transcript=transcript, fillers=True)
    said = Transcript(language="en", duration=1, segments=[])
    transcript.write_text(said.written(), encoding="utf-8")
    result = one_studio.run("audio.trim", ramp, transcript=transcript, fillers=True)
    assert ([one.code for one in result.warnings], result.duration) == (["nothing_cut"], 3)


def test_fades_are_at_joins_and_ends(one_studio: Studio, tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.full(3 * RATE, 0.5), RATE, "PCM_24")
    result = one_studio.run(
        "audio.trim", tmp_path / "a.wav", format="wav-float", remove=["1-2"], fade=10, fade_in=100, fade_out=200
    )
    data = decode(result.sound.path).data[0] / 0.5
    np.testing.assert_allclose(data[:800], (np.arange(800) + 0.5) / 800, atol=1e-4)
    np.testing.assert_allclose(data[800:7_920], 1, atol=1e-4)
    np.testing.assert_allclose(data[7_920:8_000], data[8_000:8_080][::-1], atol=1e-4)
    np.testing.assert_allclose(data[-1_600:], (np.arange(1_600)[::-1] + 0.5) / 1_600, atol=1e-4)


def test_a_fade_that_is_longer_than_half_of_its_part_is_told(one_studio: Studio, tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.append(0.25, np.full(3 * RATE, 0.5)), RATE, "PCM_24")
    result = one_studio.run("audio.trim", tmp_path / "a.wav", format="wav-float", keep=["0-1", "2-2.5"], fade=5000)
    assert [(one.code, "250 ms" in one.message) for one in result.warnings] == [("fade_shortened", True)]
    assert decode(result.sound.path).data[0][-2_000] == pytest.approx(0.5, abs=1e-3)


def test_silence_at_both_ends_is_removed(one_studio: Studio, tmp_path: Path) -> None:
    data = np.zeros(3 * RATE)
    data[[5_000, 9_000, 15_999]] = 0.1
    data[20_000] = 10 ** (-70 / 20)
    sf.write(tmp_path / "a.wav", data, RATE, "PCM_24")
    result = one_studio.run("audio.trim", tmp_path / "a.wav", format="wav", silence=-60)
    np.testing.assert_allclose(result.kept, [(5_000 / RATE, 2.0)])
    assert decode(result.sound.path).length == 11_000
    with pytest.raises(AVStudioError, match="does not have sound above -10 dBFS"):
        one_studio.run("audio.trim", tmp_path / "a.wav", silence=-10)


@pytest.mark.parametrize("format", ["mp3", "m4a", "ogg", "opus", "flac", "wav"])
def test_a_copy_says_where_it_is_cut(one_studio: Studio, tmp_path: Path, music: Any, format: str) -> None:
    path = tmp_path / f"a.{format}"
    with encoder(path, AudioFormat(format), 48_000, 1, 144_000) as write:
        write(np.random.default_rng(0).uniform(-0.3, 0.3, (1, 144_000)).astype(np.float32))
    result = one_studio.run("audio.trim", path, format=format, start=1, end=2, stream_copy=True)
    [(first, last)] = result.kept
    assert result.copied
    assert 0.8 < first <= 1.0
    assert 2.0 <= last < 2.2
    assert "cut_moved" in [warning.code for warning in result.warnings]
    copy, whole = decode(result.sound.path).data[0], decode(path).data[0]
    middle = copy[24_000:34_000]
    likeness = np.correlate(whole, middle, "valid")
    assert int(likeness.argmax()) - 24_000 == pytest.approx(first * 48_000, abs=1)
    assert len(copy) == pytest.approx((last - first) * 48_000, abs=1)


def test_chapters_move(one_studio: Studio, tmp_path: Path, music: Any) -> None:
    chapters = [Chapter(0, 1, "A"), Chapter(1, 2, "B"), Chapter(2, 3, "C")]
    with encoder(tmp_path / "a.m4b", AudioFormat.M4B, 44_100, 2, 132_300, chapters=chapters) as write:
        write(music(2, 44_100, 3.0))
    result = one_studio.run("audio.trim", tmp_path / "a.m4b", format="m4b", remove=["0.5-2"])
    found = read_labels(result.sound.path).chapters
    assert [(one.start, one.end, one.title) for one in found] == [(0, 0.5, "A"), (0.5, 1.5, "C")]


spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda one: (one[0], one[0] + one[1])), max_size=4
)


@settings(max_examples=50)
@given(keep=spans, remove=spans, sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_spans_keep_what_a_plain_mask_keeps(keep: Any, remove: Any, sizes: list[int]) -> None:
    total = sum(sizes)
    mask = np.zeros(total, bool) if keep else np.ones(total, bool)
    for low, high in keep:
        mask[low:high] = True
    for low, high in remove:
        mask[low:high] = False
    data = np.arange(total, dtype=np.float32)[None]
    cuts = [(int(low), int(min(high, total))) for low, high in kept_spans(keep, remove)]
    blocks = np.split(data, np.cumsum(sizes)[:-1], axis=1)
    parts = [*cut(blocks, 0, cuts, [(0, 0)] * len(cuts))]
    np.testing.assert_array_equal(np.concatenate([data[:, :0], *parts], axis=1)[0], data[0][mask])
