"""Documents that return to a studio are recognised by their content, whatever their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from avstudio_core.documents.transcript import MEDIA_TYPE, Segment, Transcript
from avstudio_core.media_types import guess

SAID = Transcript(language="en", duration=2.0, segments=[Segment(id=0, start=0.5, end=1.5, text="Hello.")]).written()
SRT = "\n1\n00:00:01,000 --> 00:00:02,000\nHello.\n"


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("song.json", SAID, MEDIA_TYPE),
        ("song", "\ufeff\n" + SAID, MEDIA_TYPE),
        ("song.txt", SRT, "application/x-subrip"),
        ("song", "WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n", "text/vtt"),
        ("other.json", '{"segments": "none"}', "application/json"),
        ("other.json", "{" * 5000, "application/json"),
        ("list.json", "[1, 2]", "application/json"),
        ("note.txt", "At 00:00:01,000 he said: 1 --> 2", "text/plain"),
        ("empty.txt", "", "text/plain"),
        ("song.srt", SAID, "application/x-subrip"),
    ],
)
def test_documents_are_recognised_by_their_content(tmp_path: Path, name: str, content: str, media_type: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert guess(tmp_path / name) == media_type
