"""Text with times, from transcripts, subtitles and plain text."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from avstudio_core import Artifact
from avstudio_core.documents.timed_text import Passage, TimedText, read
from avstudio_core.documents.transcript import MEDIA_TYPE
from avstudio_core.errors import UnreadableMedia

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["segments", "language", "duration", "start", "end", "text", "words"]), inner),
    ),
)
VTT = """WEBVTT - A talk
STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.500 align:start line:0
<v Ann>Tom &amp; I
went.

NOTE not to be shown

01:00:03.000 --> 01:00:04.000

00:05.000 --> 01:00:06.500
<i>Where?</i>
"""


def file(folder: Path, text: str, name: str = "talk.srt", media_type: str = "application/x-subrip") -> Artifact:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return Artifact(id="art", name=name, sha256="0" * 64, size=len(text), media_type=media_type, path=path)


def test_a_transcript_is_read_from_what_holds_it(tmp_path: Path) -> None:
    said = {"language": "en", "duration": 9.5, "segments": [{"id": 0, "start": 1, "end": 2, "text": " A  b. "}]}
    found = read(file(tmp_path, json.dumps(said), "talk.json", MEDIA_TYPE))
    assert (found.passages, found.duration, found.text) == ((Passage("A b.", 1, 2),), 9.5, "[0:00:01] A b.")
    cues = read(file(tmp_path, VTT, "talk.vtt", "text/vtt"))
    assert [passage.text for passage in cues.passages] == ["Tom & I went.", "Where?"]
    assert cues.duration == 3606.5
    words = read(file(tmp_path, "One.\n\n  Two.", "talk.txt", "text/plain"))
    assert (words.text, words.timed, words.duration) == ("One.\nTwo.", False, None)


@pytest.mark.parametrize(
    ("text", "media_type", "problem"),
    [
        ("{}", MEDIA_TYPE, "'segments' is missing"),
        ('{"segments": [{"start": -1, "end": 2, "text": "a"}]}', MEDIA_TYPE, "segments.0.start"),
        ("[1", MEDIA_TYPE, "It is not a transcript: it is not JSON .* line 1 column 2"),
        ('{"segments": []}', MEDIA_TYPE, "contains no words"),
        ("words", "text/vtt", "no cue with times"),
        (" \n", "text/plain", "contains no words"),
    ],
)
def test_a_damaged_source_is_reported_with_its_name(tmp_path: Path, text: str, media_type: str, problem: str) -> None:
    with pytest.raises(UnreadableMedia, match=problem) as refused:
        read(file(tmp_path, text, "talk.x", media_type))
    assert str(refused.value).startswith("'talk.x' ")


def test_the_place_of_damaged_times_is_named(tmp_path: Path) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nOne\n\n2\n00:00:03,000 -> 00:00:04,000\nTwo\n"
    with pytest.raises(UnreadableMedia, match=r"'talk.srt' cannot be read: Line 6, '00:00:03,000 -> 00:00:04,000', "):
        read(file(tmp_path, text))


def test_text_may_be_utf_16(tmp_path: Path) -> None:
    source = file(tmp_path, "", "talk.txt", "text/plain")
    source.path.write_bytes("Grüße.".encode("utf-16"))
    assert read(source).text == "Grüße."
    source.path.write_bytes("Grüße.".encode("cp1252"))
    with pytest.raises(UnreadableMedia, match=r"'talk.txt' is not text in UTF-8\. Save it as UTF-8\."):
        read(source)


@given(
    st.one_of(st.text(), st.text("0123456789:.,-> \n\u2028<{\\aWEBVTT"), JSON.map(json.dumps)),
    st.sampled_from([MEDIA_TYPE, "text/vtt", "application/x-subrip", "text/plain"]),
)
def test_whatever_a_file_holds_the_error_is_typed(text: str, media_type: str) -> None:
    with contextlib.suppress(UnreadableMedia):
        TimedText.parse(text, media_type)
