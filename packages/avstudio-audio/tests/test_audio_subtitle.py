"""`audio.subtitle` through the studio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

import avstudio_audio
from avstudio_core import Studio
from avstudio_core.documents.scenes import Scene, Scenes
from avstudio_core.documents.subtitles import Subtitles
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import InvalidInput, TaskFailed
from avstudio_core.testing import ProcessorContract

TEXT = "We went to the harbour by bus. Nobody was there, so we walked home again, along the river."


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A transcript of calm speech, 0.4 s a word."""
    words = [{"text": f" {word}", "start": n * 0.4, "end": n * 0.4 + 0.4} for n, word in enumerate(TEXT.split())]
    segment = {"start": 0, "end": words[-1]["end"], "text": TEXT, "words": words, "speaker": "Ann"}
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"language": "en", "duration": 12.0, "segments": [segment]}))
    return path


class TestSubtitle(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.subtitle"
    params: ClassVar[dict[str, Any]] = {"preset": "netflix"}

    @pytest.fixture
    def sample(self, talk: Path) -> Path:
        return talk


@pytest.fixture
def studio(one_studio: Studio) -> Studio:
    return one_studio


def test_one_transcript_gives_every_format(studio: Studio, talk: Path) -> None:
    names = ["srt", "vtt", "ass", "ttml", "lrc", "tsv", "txt", "json"]
    result = studio.run("audio.subtitle", talk, format=names, preset="netflix", highlight=True)
    assert list(result.subtitles) == names
    assert {one.name for one in result.subtitles.values()} == {"talk.cues.json"} | {f"talk.{n}" for n in names[:-1]}
    assert (result.report.breaches, result.warnings, result.effective["line_length"]) == ([], [], 42)
    assert r"{\k40}" in result.subtitles["ass"].path.read_text()
    assert result.subtitles["txt"].path.read_text() == f"Ann: {TEXT}\n"


def test_rules_that_cannot_be_met_are_a_warning_and_in_the_report(studio: Studio, talk: Path) -> None:
    result = studio.run("audio.subtitle", talk, reading_speed=5)
    assert [one.code for one in result.warnings] == ["subtitle_rules"]
    assert "reading_speed (" in result.warnings[0].message
    assert all(one.cause for one in result.report.breaches)


def test_cues_begin_and_end_with_frames(studio: Studio, talk: Path) -> None:
    result = studio.run("audio.subtitle", talk, preset="netflix", frame_rate=23.976, whole_frames=True)
    found = Subtitles.parse(result.subtitles["srt"].path.read_text()).cues
    frames = [time * 24_000 / 1001 for cue in found for time in (cue.start, cue.end)]
    assert all(abs(one - round(one)) < 0.02 for one in frames)
    assert min(round(later - end) for end, later in zip(frames[1::2], frames[2::2], strict=False)) >= 2
    assert (result.effective["frame_rate"], result.warnings) == (23.976, [])


def test_cues_follow_the_scenes_of_a_document(studio: Studio, talk: Path, tmp_path: Path) -> None:
    scenes, times = tmp_path / "scenes.json", [(0.0, 2.9), (2.9, 12.0)]
    scenes.write_text(json.dumps({"scenes": [{"start": start, "end": end} for start, end in times]}))
    shots = [Scene(id=n, start=a, end=b, start_frame=0, end_frame=0) for n, (a, b) in enumerate(times)]
    (tmp_path / "video.json").write_text(Scenes(duration=12, scenes=shots).written())
    for given in ({"scenes": scenes}, {"scenes": tmp_path / "video.json"}, {"snap_to": [2.9]}):
        result = studio.run("audio.subtitle", talk, speaker_labels=False, **given)
        starts = [cue.start for cue in Subtitles.parse(result.subtitles["srt"].path.read_text()).cues]
        assert 2.9 in starts


@pytest.mark.parametrize("text", ["no times here", "[]", '{"scenes": 3}', "[" * 100_000])
def test_a_document_without_scenes_is_refused(studio: Studio, talk: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "cuts.txt").write_text(text)
    with pytest.raises(TaskFailed, match=r"'cuts.txt' contains no times of scenes"):
        studio.run("audio.subtitle", talk, scenes=tmp_path / "cuts.txt")


def test_other_subtitles_are_laid_out_again(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "old.srt").write_text(f"1\n00:00:01,000 --> 00:00:09,500\n{TEXT}\n")
    result = studio.run("audio.subtitle", tmp_path / "old.srt", preset="youtube", format=["vtt", "json"])
    found = Subtitles.parse(result.subtitles["vtt"].path.read_text())
    assert max(len(line) for cue in found.cues for line in cue.lines) <= 32
    assert Transcript.parse(result.subtitles["json"].path.read_text()).segments[0].start == 1.0


def test_contradictions_are_refused(studio: Studio, talk: Path) -> None:
    with pytest.raises(InvalidInput, match="the shortest duration, 9 s, exceeds the longest, 7 s"):
        studio.run("audio.subtitle", talk, min_duration=9)


def test_a_cue_that_ends_before_it_begins_is_told(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("1\n00:00:05,000 --> 00:00:03,000\nBack\n\n2\n00:00:07,000 --> 00:00:09,000\nOn\n")
    result = studio.run("audio.subtitle", tmp_path / "a.srt")
    assert [one.code for one in result.warnings] == ["cue_reversed"]
    assert "1 of its cues end before they begin, the first at 5.000 s, 'Back'" in result.warnings[0].message
