"""Subtitles: written files can be read, and only the text changes in a translation."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from avstudio_core.documents.cues import Cue
from avstudio_core.documents.subtitles import Format, Subtitles
from avstudio_core.errors import UnreadableMedia

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
WORDS = st.text("aZä東7-.&<", min_size=1, max_size=8)
LINES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join).filter(lambda line: "-->" not in line)
CUES = st.lists(
    st.tuples(st.integers(0, 10**7), st.integers(0, 10**5), st.lists(LINES, min_size=1, max_size=2).map("\n".join)),
    min_size=1,
    max_size=4,
).map(lambda found: [Cue(start / 1000, (start + length) / 1000, text) for start, length, text in found])


@given(CUES, st.sampled_from(["srt", "vtt"]))
def test_what_is_written_is_read(cues: list[Cue], form: Format) -> None:
    texts = [cue.text for cue in cues]
    again = Subtitles.parse(Subtitles.of(cues, form).written(texts))
    assert [(cue.start, cue.end, cue.text) for cue in again.cues] == [(cue.start, cue.end, cue.text) for cue in cues]
    assert again.format == form


@given(CUES, st.data())
def test_new_words_leave_all_else_as_it_is(cues: list[Cue], data: st.DataObject) -> None:
    first = Subtitles.parse(Subtitles.of(cues, "srt").written([cue.text for cue in cues]))
    texts = data.draw(st.lists(LINES, min_size=len(cues), max_size=len(cues)))
    second = Subtitles.parse(first.written(texts))
    assert [cue.text for cue in second.cues] == texts
    assert [(cue.start, cue.end) for cue in second.cues] == [(cue.start, cue.end) for cue in cues]


def test_settings_names_and_notes_of_webvtt_stay() -> None:
    found = Subtitles.parse(VTT)
    assert [cue.text for cue in found.cues] == ["<v Ann>Tom &amp; I\nwent.", "", "<i>Where?</i>"]
    assert [(cue.start, cue.end) for cue in found.cues] == [(1.0, 2.5), (3603.0, 3604.0), (5.0, 3606.5)]
    assert found.written([cue.text for cue in found.cues]) == VTT
    assert found.written(["One", "", "Two"]) == VTT.replace("<v Ann>Tom &amp; I\nwent.", "One").replace(
        "<i>Where?</i>", "Two"
    )


@pytest.mark.parametrize(
    "text",
    [
        "1\r\n00:00:01,000 --> 00:00:02,000\r\nIn the year\r\n1969\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nB\r\n",
        "\ufeff1\n0:00:01,000 --> 0:00:02,0\nIn the year\n\n1969\n\n\n2\n00:00:03.000-->00:00:04.000\nB",
    ],
)
def test_subrip_as_it_is_found(text: str) -> None:
    assert [cue.text for cue in Subtitles.parse(text).cues] == ["In the year\n1969", "B"]


def test_what_holds_no_cue_is_refused() -> None:
    for text in ("", "WEBVTT\n", "Just words."):
        with pytest.raises(UnreadableMedia, match="no cue"):
            Subtitles.parse(text)
