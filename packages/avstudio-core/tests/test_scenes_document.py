"""Scenes as a document: written, read, recognised and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from avstudio_core.documents.scenes import MEDIA_TYPE, Scene, Scenes
from avstudio_core.errors import UnreadableMedia
from avstudio_core.media_types import guess, in_words

TWO = Scenes(
    duration=4.0,
    rate="30000/1001",
    scenes=[
        Scene(id=0, start=0.0, end=1.5, start_frame=0, end_frame=45, transition="start"),
        Scene(id=1, start=1.5, end=4.0, start_frame=45, end_frame=120, score=33.5, detectors=["content"]),
    ],
)


def test_scenes_survive_writing_and_reading() -> None:
    assert Scenes.parse(TWO.written()) == TWO
    assert TWO.cuts == [1.5]


def test_a_document_of_scenes_is_recognised_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "cuts.json").write_text(TWO.written(), encoding="utf-8")
    assert guess(tmp_path / "cuts.json") == MEDIA_TYPE
    (tmp_path / "other.json").write_text('{"scenes": [1, 2]}', encoding="utf-8")
    assert guess(tmp_path / "other.json") == "application/json"
    assert in_words([MEDIA_TYPE]) == "scenes"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"end": 1.5', '"end": 2.5', "overlap"),
        ('"start": 1.5', '"start": 5', "ends before"),
        ('"id": 1', '"id": -1', "at least"),
        ("30000/1001", "30000/0", "rate"),
    ],
)
def test_wrong_scenes_are_refused_with_the_reason(old: str, new: str, said: str) -> None:
    assert old in TWO.written()
    with pytest.raises(UnreadableMedia, match=said):
        Scenes.parse(TWO.written().replace(old, new))
