"""Requests that are easily made by mistake: each is refused or told in one clear line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from avstudio_core import Studio
from avstudio_core.errors import InvalidParams, TaskFailed

Make = Callable[..., Path]
SRT = "1\n00:00:00,200 --> 00:00:00,400\nHello\n"


def saved(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def codes(result: Any) -> list[str]:
    return [one.code for one in result.warnings]


def test_a_file_that_no_effect_uses_is_refused(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    film, subtitles = write("a.mp4", 25), saved(tmp_path / "a.srt", SRT)
    with pytest.raises(InvalidParams, match="'subtitles' is given, and the chain does not have the effect") as refused:
        shared_studio.run("video.effects", film, chain="flip", subtitles=subtitles)
    assert refused.value.hint == "Add 'subtitles' to the chain, or leave out 'subtitles'."
    chain = saved(tmp_path / "a.txt", "flip")
    with pytest.raises(TaskFailed, match="'overlays' is given"):
        shared_studio.run("video.effects", film, chain_file=chain, overlays=[film])
    both = saved(tmp_path / "b.txt", "overlay width=0.2")
    assert shared_studio.run("video.effects", film, chain_file=both, overlays=[film]).frames == 25


def test_scenes_of_another_video_are_told(shared_studio: Studio, write: Make) -> None:
    long, short = write("long.mp4", 100), write("short.mp4", 25)
    scenes = shared_studio.run("video.analyze", short).document
    for processor, params in (("video.cut", {"keep_scenes": ["0"]}), ("video.decode", {})):
        told = shared_studio.run(processor, long, scenes=scenes, **params)
        assert [one.message for one in told.warnings if one.code == "other_video"] == [
            f"'{scenes.name}' is of a video of 1.00 s, and 'long.mp4' has 4.00 s."
        ]
        assert "other_video" not in codes(shared_studio.run(processor, short, scenes=scenes, **params))
    with pytest.raises(TaskFailed, match=r"'a\.txt' is not a document of scenes"):
        shared_studio.run("video.decode", short, scenes=saved(short.with_name("a.txt"), "hello"))


def test_the_main_one_of_the_tracks_in_a_language_is_taken(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    path = write("a.mkv", 50, sound=[440, 880], sound_metadata={0: {"language": "eng"}, 1: {"language": "eng"}})
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mkv"), "w") as file:
        tracks: list[Any] = [file.add_stream_from_template(one) for one in source.streams]
        tracks[1].disposition, tracks[2].disposition = 0, av.stream.Disposition.default
        for one in tracks[1:]:
            one.metadata["language"] = "eng"
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = tracks[packet.stream_index]
                file.mux(packet)
    found = shared_studio.run("video.extract_audio", tmp_path / "b.mkv", track="en")
    assert [one.index for one in found.tracks] == [2]


def test_a_film_without_its_index_is_told_to_be_cut_short(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(TaskFailed, match="is cut short, and cannot be read: it has"):
        shared_studio.run("video.probe", path)


@pytest.mark.parametrize("span", ["1:90-2:00", "0:61-", "1:60:00-"])
def test_more_than_59_seconds_after_minutes_are_refused(shared_studio: Studio, write: Make, span: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        shared_studio.run("video.cut", write("a.mp4", 25), keep=[span])
    assert refused.value.message == f"video.cut: 'keep' is not valid: '{span}' is not a span of time."
    assert "at most 59 after a colon" in refused.value.hint


def test_a_phrase_to_keep_that_nobody_says_is_named(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    words = '{"segments": [{"start": 0, "end": 1, "text": "Hi", "words": [{"start": 0, "end": 1, "word": "Hi"}]}]}'
    given = {"transcript": saved(tmp_path / "a.json", words), "keep_phrases": ["ask not"]}
    with pytest.raises(TaskFailed, match="it does not have 'ask not'"):
        shared_studio.run("video.cut", write("a.mp4", 25), **given)


def test_sound_that_is_not_wanted_is_not_missed(shared_studio: Studio, write: Make) -> None:
    made = shared_studio.run("video.effects", write("a.mp4", 25, sound=[440]), chain="flip", sound=False)
    assert codes(made) == []
