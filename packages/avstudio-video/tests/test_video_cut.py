"""`video.cut` through the studio: what is kept, on the grid of the frames, and as lists for editors."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

import avstudio_video
from avstudio_core import Studio, TaskFailed
from avstudio_core.documents.scenes import Scene, Scenes
from avstudio_core.documents.transcript import Segment, Transcript, Word
from avstudio_core.errors import InvalidParams
from avstudio_core.testing import ProcessorContract
from avstudio_video.timeline.parts import Part, Timeline

Make = Callable[..., Path]
SPEECH = "Well, um, I am ummm here. You know, it is, uh, good! It is not good, you know."


class TestCut(ProcessorContract):
    plugin = avstudio_video
    processor = "video.cut"
    params = {"keep": ["0.2-0.6"], "format": "mp4", "exports": ["csv", "edl", "otio", "fcpxml"]}  # noqa: RUF012

    @pytest.fixture
    def sample(self, write: Make) -> Path:
        pictures = [np.full((96, 128, 3), 8 * number, np.uint8) for number in range(30)]
        return write("film.mp4", pictures, sound=[440])  # x264 is not deterministic for smaller pictures


def cut(studio: Studio, path: Path, **params: Any) -> Any:
    """The edit, without a file."""
    return studio.run("video.cut", path, **{"render": False, "exports": ["otio"], **params})


def kept(result: Any) -> list[tuple[float, float]]:
    return [(round(one.start, 6), round(one.end, 6)) for one in result.parts]


def test_parts_begin_and_end_with_the_nearest_frame(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4")
    assert kept(cut(shared_studio, path, keep=["0.19-0.61", "0.81-"])) == [(0.2, 0.6), (0.8, 1.2)]
    assert kept(cut(shared_studio, path, remove=["0.19-0.61", "1-1.01"])) == [(0, 0.2), (0.6, 1.2)]
    assert kept(cut(shared_studio, path, keep=["0.2-1"], remove=["0.5-0.6"])) == [(0.2, 0.48), (0.6, 1)]


def test_the_result_maps_the_old_time_to_the_new_one(shared_studio: Studio, write: Make) -> None:
    result = cut(shared_studio, write("a.mp4"), remove=["-0.2", "0.6-0.8"])
    assert [(one.start, one.new_start, one.new_end) for one in result.parts] == [
        (0.2, 0, pytest.approx(0.4)),
        (0.8, pytest.approx(0.4), pytest.approx(0.8)),
    ]
    assert result.duration == pytest.approx(0.8)
    assert [(one.start, one.end, one.reason) for one in result.removed] == [(0, 0.2, "time"), (0.6, 0.8, "time")]


def test_a_part_may_end_within_the_rounding_of_the_last_frame(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", 10, rate=Fraction(30_000, 1001))  # it ends at 0.33367 s, and its last stamp at 0.333 s
    assert kept(cut(shared_studio, path, keep=["0.1-0.3335"])) == [(0.1001, 0.333667)]


def test_a_variable_rate_has_its_own_grid(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 5, times=[0, 1, 5, 6, 20])
    assert kept(cut(shared_studio, path, keep=["0.07-0.5"])) == [(0.04, 0.24)]


def test_handles_are_kept_around_what_is_named_but_not_what_is_removed(shared_studio: Studio, write: Make) -> None:
    result = cut(shared_studio, write("a.mp4"), keep=["0.4-0.6"], remove=["0.64-0.8"], handles=0.2)
    assert kept(result) == [(0.2, 0.64)]


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """Three scenes of 0.4 s."""
    scenes = [
        Scene(id=n, start=0.4 * n, end=0.4 * (n + 1), start_frame=10 * n, end_frame=10 * n + 10) for n in range(3)
    ]
    path = tmp_path / "a.scenes.json"
    path.write_text(Scenes(duration=1.2, scenes=scenes).written(), encoding="utf-8")
    return path


def test_scenes_are_kept_and_removed_by_their_numbers(shared_studio: Studio, write: Make, document: Path) -> None:
    path = write("a.mp4")
    assert kept(cut(shared_studio, path, scenes=document, keep_scenes=["1-2"])) == [(0.4, 1.2)]
    result = cut(shared_studio, path, scenes=document, remove_scenes=["1"])
    assert kept(result) == [(0, 0.4), (0.8, 1.2)]
    assert (result.removed[0].reason, result.removed[0].text) == ("scene", "1")
    result = cut(shared_studio, path, scenes=document, remove_scenes=["0-1", "1", "0"])
    assert left_out(result) == ["0", "1"]
    with pytest.raises(TaskFailed, match=r"does not have the scene 3.*0 to 2"):
        cut(shared_studio, path, scenes=document, keep_scenes=["1-3"])


def beeps(*spans: tuple[float, float], seconds: float = 1.2, level: float = 0.5) -> NDArray[np.float32]:
    """A tone in some spans, and digital silence elsewhere."""
    time = np.arange(round(48_000 * seconds)) / 48_000
    heard = sum(((time >= start) & (time < end)).astype(np.float32) for start, end in spans)
    return np.repeat((level * heard * np.sin(2 * np.pi * 1000 * time + 1)).astype(np.float32)[None], 2, 0)


def test_silence_is_removed_but_for_the_padding(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", sound=[beeps((0.2, 0.5), (0.55, 0.6), (1.0, 1.1))], sound_codec="flac")
    result = cut(shared_studio, path, silence=-40, min_silence=0.2, padding=0.04)
    assert kept(result) == [(0.16, 0.64), (0.96, 1.2)]
    assert [(round(one.start, 3), one.reason) for one in result.removed] == [(0, "silence"), (0.64, "silence")]
    with pytest.raises(TaskFailed, match="always below -1 dBFS"):
        cut(shared_studio, path, silence=-1)


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[..., Path]:
    """A transcript of a text: a word each 0.12 s, with a pause before it: 0.03 s, 0.06 s, 0.03 s …"""

    def make(text: str = SPEECH, language: str = "en", separator: str = " ") -> Path:
        pieces = text.split(" ")
        words = [
            Word(start=0.12 * n + (0.06 if n % 2 else 0.03), end=0.12 * n + 0.12, text=f"{separator}{one}")
            for n, one in enumerate(pieces)
        ]
        said = Segment(id=0, start=0, end=0.12 * len(words), text=text, words=words)
        path = tmp_path / "a.transcript.json"
        path.write_text(Transcript(language=language, duration=2.5, segments=[said]).written(), encoding="utf-8")
        return path

    return make


def left_out(result: Any) -> list[str]:
    return [one.text for one in result.removed]


def test_filler_words_are_removed_with_half_the_pauses_beside_them(
    shared_studio: Studio, write: Make, spoken: Any
) -> None:
    result = cut(shared_studio, write("a.mp4", 70), transcript=spoken(), fillers=True)
    assert left_out(result) == ["um,", "ummm", "uh,"]
    assert (round(result.removed[0].start, 3), round(result.removed[0].end, 3)) == (0.15, 0.255)
    assert (round(result.removed[1].start, 3), round(result.removed[1].end, 3)) == (0.495, 0.63)


@pytest.mark.parametrize(
    ("language", "text", "removed"),
    [
        ("de", "Ich, ähm, bin öh da.", ["ähm,", "öh"]),
        ("fr-CA", "Euh je suis là", ["Euh"]),
        ("ru", "Я эээ тут", ["эээ"]),
        ("pl", "Jestem yyy tutaj", ["yyy"]),
    ],
)
def test_filler_words_of_other_languages(
    shared_studio: Studio, write: Make, spoken: Any, language: str, text: str, removed: list[str]
) -> None:
    document = spoken(text, language)
    assert left_out(cut(shared_studio, write("a.mp4"), transcript=document, fillers=True)) == removed


def test_a_long_word_of_one_letter_is_compared_at_once(shared_studio: Studio, write: Make, spoken: Any) -> None:
    document = spoken(f"{'e' * 5000}x eeeee dom", "pl")  # steps in the cube of its length would not end
    assert left_out(cut(shared_studio, write("a.mp4"), transcript=document, fillers=True)) == ["eeeee"]


def test_filler_words_of_an_unknown_language_are_refused(shared_studio: Studio, write: Make, spoken: Any) -> None:
    with pytest.raises(TaskFailed, match="language 'xx' are not known"):
        cut(shared_studio, write("a.mp4"), transcript=spoken("a b", "xx"), fillers=True)


def test_phrases_are_found_whatever_their_punctuation(shared_studio: Studio, write: Make, spoken: Any) -> None:
    path, document = write("a.mp4", 70), spoken()
    assert left_out(cut(shared_studio, path, transcript=document, remove_phrases=["you know"])) == [
        "You know,",
        "you know.",
    ]
    result = cut(shared_studio, path, transcript=document, remove_phrases=["uh"], sentences=True)
    assert left_out(result) == ["You know, it is, uh, good!"]
    result = cut(shared_studio, path, transcript=document, keep_phrases=["not good", "absent"])
    assert kept(result) == [(1.72, 1.92)]
    assert [one.code for one in result.warnings] == ["phrase_missing"]


def test_a_sentence_with_a_phrase_twice_is_left_out_once(shared_studio: Studio, write: Make, spoken: Any) -> None:
    document = spoken("One and two and three. That is all.")
    result = cut(shared_studio, write("a.mp4", 70), transcript=document, remove_phrases=["and"], sentences=True)
    assert left_out(result) == ["One and two and three."]


def test_phrases_of_a_language_without_spaces_begin_and_end_with_words(
    shared_studio: Studio, write: Make, spoken: Any
) -> None:
    document = spoken("今日 は 天気 が いい", "ja", separator="")
    result = cut(shared_studio, write("a.mp4"), transcript=document, remove_phrases=["今日は", "気が"])
    assert left_out(result) == ["今日は"]
    assert [one.code for one in result.warnings] == ["phrase_missing"]


def test_a_transcript_without_times_of_words_is_refused(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps({"segments": [{"start": 0, "end": 1, "text": "Hello"}]}))
    with pytest.raises(TaskFailed, match="does not have times of words"):
        cut(shared_studio, write("a.mp4"), transcript=tmp_path / "b.json", remove_phrases=["hello"])


RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)]


@pytest.fixture(scope="module")
def edits(shared_studio: Studio) -> Callable[..., dict[str, str]]:
    """The edit lists of frames 5 to 15, 20 to 26 and 27 to 30: `edits(write, rate, fade)`."""
    made: dict[Any, dict[str, str]] = {}

    def make(write: Make, rate: Fraction, fade: int = 0) -> dict[str, str]:
        if (rate, fade) not in made:
            path = write("a film & more.mp4", 30, rate=rate, sound=[440])
            spans = [f"{float(low / rate):.4f}-{float(high / rate):.4f}" for low, high in ((5, 15), (20, 26), (27, 30))]
            names = ["csv", "edl", "otio", "fcpxml"]
            result = cut(shared_studio, path, keep=spans, crossfade=float(fade / rate), exports=names)
            made[rate, fade] = {name: file.path.read_text(encoding="utf-8") for name, file in result.exports.items()}
        return made[rate, fade]

    return make


def ranges(clips: Sequence[Any]) -> list[tuple[float, float]]:
    return [(one.source_range.start_time.value, one.source_range.duration.value) for one in clips]


@pytest.mark.parametrize("rate", RATES)
def test_opentimelineio_reads_the_parts_of_picture_and_sound(write: Make, edits: Any, rate: Fraction) -> None:
    otio = pytest.importorskip("opentimelineio", reason="opentimelineio is not installed")
    timeline = otio.adapters.read_from_string(edits(write, rate)["otio"], "otio_json")
    assert [one.kind for one in timeline.tracks] == ["Video", "Audio"]
    for track in timeline.tracks:
        assert ranges(track) == [(5, 10), (20, 6), (27, 3)]
    assert timeline.duration().value == 19
    assert timeline.tracks[0][0].media_reference.available_range.duration.value == 30
    again = otio.adapters.write_to_string(timeline, "otio_json")
    assert ranges(otio.adapters.read_from_string(again, "otio_json").tracks[1]) == [(5, 10), (20, 6), (27, 3)]


def test_opentimelineio_reads_cross_fades(write: Make, edits: Any) -> None:
    otio = pytest.importorskip("opentimelineio", reason="opentimelineio is not installed")
    timeline = otio.adapters.read_from_string(edits(write, Fraction(25), 3)["otio"], "otio_json")
    track = timeline.tracks[0]
    assert [type(one).__name__ for one in track] == ["Clip", "Transition", "Clip", "Transition", "Clip"]
    assert ranges([one for one in track if hasattr(one, "source_range")]) == [(5, 8), (21, 4.0), (27, 3.0)]
    assert [(one.in_offset.value, one.out_offset.value) for one in (track[1], track[3])] == [(1, 2), (0, 1)]
    assert timeline.duration().value == 10 + 6 + 3 - 3 - 1


@pytest.mark.parametrize("rate", RATES)
def test_a_reader_of_edl_finds_the_parts(write: Make, edits: Any, rate: Fraction) -> None:
    otio = pytest.importorskip("opentimelineio", reason="opentimelineio is not installed")
    pytest.importorskip("otio_cmx3600_adapter", reason="otio-cmx3600-adapter is not installed")
    read = otio.adapters.read_from_string(edits(write, rate)["edl"], "cmx_3600", rate=float(rate))
    assert [track.name for track in read.tracks] == ["V", "A1"]
    for track in read.tracks:
        assert ranges(track) == [(5, 10), (20, 6), (27, 3)]


def test_a_reader_of_edl_finds_cross_fades(write: Make, edits: Any) -> None:
    otio = pytest.importorskip("opentimelineio", reason="opentimelineio is not installed")
    pytest.importorskip("otio_cmx3600_adapter", reason="otio-cmx3600-adapter is not installed")
    text = edits(write, Fraction(25), 3)["edl"]
    assert "002  AX       B     C        00:00:00:12 00:00:00:12 00:00:00:07 00:00:00:07" in text
    assert "002  AX       B     D    003 00:00:00:20 00:00:01:00 00:00:00:07 00:00:00:12" in text
    read = otio.adapters.read_from_string(text, "cmx_3600", rate=25)
    assert [type(one).__name__ for one in read.tracks[0]].count("Transition") == 2
    assert read.tracks[0].trimmed_range().duration.value == 15


def test_final_cut_and_tables_have_the_parts(write: Make, edits: Any) -> None:
    texts = edits(write, Fraction(25), 3)
    assert 'offset="7/25s" duration="3/25s"/>' in texts["fcpxml"]
    assert 'name="Part 2" offset="8/25s" start="21/25s" duration="4/25s"' in texts["fcpxml"]
    assert 'hasAudio="1"' in texts["fcpxml"]
    rows = [*csv.DictReader(texts["csv"].splitlines())]
    assert [(row["start_frame"], row["new_start_frame"], row["fade_frames"]) for row in rows] == [
        ("5", "0", "0"),
        ("20", "7", "3"),
        ("27", "12", "1"),
    ]
    otio = pytest.importorskip("opentimelineio", reason="opentimelineio is not installed")
    pytest.importorskip("otio_fcpx_xml_adapter", reason="otio-fcpx-xml-adapter is not installed")
    read = otio.adapters.read_from_string(edits(write, Fraction(25))["fcpxml"], "fcpx_xml")
    ranges = [one.source_range for one in read.find_clips()]
    assert [(one.start_time.value, one.duration.value) for one in ranges] == [(5, 10), (20, 6), (27, 3)]


def test_an_edl_of_a_variable_rate_says_that_it_is_rounded(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", 5, times=[0, 4, 10, 14, 18], unit=Fraction(1, 100))
    result = cut(shared_studio, path, keep=["0.1-"], exports=["edl"])
    assert [one.code for one in result.warnings] == ["vfr_source_rounded"]


@given(
    lengths=st.lists(st.fractions(Fraction(1, 100), 10, max_denominator=1001), min_size=1, max_size=8),
    fade=st.fractions(0, 2, max_denominator=30),
)
def test_parts_follow_each_other_without_drift(lengths: list[Fraction], fade: Fraction) -> None:
    timeline = Timeline.joined(
        [Part(Fraction(n), n + length, range(n, n + 1)) for n, length in enumerate(lengths)], fade
    )
    fades = [part.fade for part in timeline.parts]
    assert timeline.length == sum(lengths) - sum(fades)
    for before, after in zip(timeline.parts, timeline.parts[1:], strict=False):
        assert after.at == before.at + before.length - after.fade
        assert after.fade <= fade
        assert before.at + before.fade <= after.at


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"keep": ["2-1"]},
        {"keep_scenes": ["0"]},
        {"fillers": True},
        {"silence": 3},
        {"keep": ["1-"], "exports": []},
        {"keep": ["1-"], "mode": "keyframe", "crossfade": 1},
    ],
)
def test_parameters_that_make_no_sense_are_refused_at_once(
    shared_studio: Studio, write: Make, params: dict[str, Any]
) -> None:
    with pytest.raises(InvalidParams):
        cut(shared_studio, write("a.mp4", 2), **params)


@pytest.mark.parametrize("params", [{"keep": ["5-3"]}, {"remove": ["5-3"]}, {"remove_scenes": ["5-3"]}])
def test_a_reversed_span_is_said_to_be_reversed(shared_studio: Studio, write: Make, params: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match="'5-3' ends before it begins"):
        cut(shared_studio, write("a.mp4", 2), **params)


@pytest.mark.parametrize(
    ("params", "said"),
    [({"keep": ["5-6"]}, r"part '5-6' is not in 'a\.mp4'"), ({"remove": ["-9"]}, "No part of 'a.mp4' is left")],
)
def test_times_outside_the_video_are_refused(
    shared_studio: Studio, write: Make, params: dict[str, Any], said: str
) -> None:
    with pytest.raises(TaskFailed, match=said):
        cut(shared_studio, write("a.mp4"), **params)


def test_what_changes_nothing_or_ends_late_is_told(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4")
    assert [one.code for one in cut(shared_studio, path, keep=["0-"]).warnings] == ["nothing_cut"]
    assert [one.code for one in cut(shared_studio, path, keep=["0.4-9"]).warnings] == ["span_shortened"]


JOBS: list[tuple[str, dict[str, Any]]] = [
    ("video.effects", {"chain": ["flip"], "format": "mp4"}),
    ("video.cut", {"keep": ["0.04-"], "format": "mp4"}),
    ("video.concat", {"mode": "encode", "format": "mp4"}),
]


@pytest.mark.parametrize("marks", ["", "tff=1"])
@pytest.mark.parametrize(("job", "params"), JOBS, ids=[name for name, _ in JOBS])
def test_fields_that_are_encoded_as_one_picture_are_told(
    shared_studio: Studio, write: Make, job: str, params: dict[str, Any], marks: str
) -> None:
    path = write("a.mp4", 4, options={"x264-params": marks})
    more = {"inputs": [write("b.mp4", 4)]} if job == "video.concat" else {}
    result = shared_studio.run(job, path, **params, **more)
    assert [one.code for one in result.warnings] == ["interlaced"] * bool(marks)


def test_fields_of_a_film_that_is_copied_or_deinterlaced_are_not_told(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 20, options={"g": "5", "x264-params": "tff=1"})
    jobs: list[tuple[str, dict[str, Any]]] = [
        ("video.effects", {"chain": ["deinterlace"], "format": "mp4"}),
        ("video.cut", {"keep": ["0.2-"], "mode": "keyframe"}),
        ("video.concat", {"inputs": [path], "mode": "copy"}),
    ]
    told = {job: shared_studio.run(job, path, **params).warnings for job, params in jobs}
    assert "interlaced" not in {one.code for warnings in told.values() for one in warnings}


@pytest.mark.parametrize("mode", ["copy", "encode"])
@pytest.mark.parametrize(("chapters", "titles"), [(True, ["a", "b"]), (False, [])])
def test_joined_videos_become_chapters_on_request(
    shared_studio: Studio, write: Make, mode: str, chapters: bool, titles: list[str]
) -> None:
    path, other = write("a.mp4", 5), write("b.mp4", 5)
    result = shared_studio.run("video.concat", path, inputs=[other], mode=mode, chapters=chapters)
    assert result.copied == (mode == "copy")
    with av.open(str(result.video.path)) as file:
        assert [one["metadata"]["title"] for one in file.chapters()] == titles
