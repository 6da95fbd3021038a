"""Subtitles, transcripts, parts, chapters, lines: nothing is lost, and the order is kept."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from avstudio_core import Artifact
from avstudio_core.errors import UnreadableMedia
from avstudio_core.tokens import estimate
from avstudio_llm.text.chapters import chapters, in_order
from avstudio_llm.text.line_breaks import broken, width
from avstudio_llm.text.splits import split
from avstudio_llm.text.subtitles import Cue, Format, Subtitles, markup
from avstudio_llm.text.transcript import TRANSCRIPT, Segment, read
from avstudio_llm.text.translation_units import units

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


def file(folder: Path, text: str, name: str = "talk.srt", media_type: str = "application/x-subrip") -> Artifact:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return Artifact(id="art", name=name, sha256="0" * 64, size=len(text), media_type=media_type, path=path)


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
        with pytest.raises(UnreadableMedia, match="No cue"):
            Subtitles.parse(text)


def test_a_transcript_is_read_from_what_holds_it(tmp_path: Path) -> None:
    said = {"language": "en", "duration": 9.5, "segments": [{"id": 0, "start": 1, "end": 2, "text": " A  b. "}]}
    found = read(file(tmp_path, json.dumps(said), "talk.json", TRANSCRIPT))
    assert (found.segments, found.duration, found.text) == ((Segment("A b.", 1, 2),), 9.5, "[0:00:01] A b.")
    cues = read(file(tmp_path, VTT, "talk.vtt", "text/vtt"))
    assert [segment.text for segment in cues.segments] == ["Tom & I went.", "Where?"]
    assert cues.duration == 3606.5
    words = read(file(tmp_path, "One.\n\n  Two.", "talk.txt", "text/plain"))
    assert (words.text, words.timed, words.duration) == ("One.\nTwo.", False, None)


@pytest.mark.parametrize(
    ("text", "media_type", "problem"),
    [
        ("{}", TRANSCRIPT, "segments: Field required"),
        ('{"segments": [{"start": -1, "end": 2, "text": "a"}]}', TRANSCRIPT, "segments.0.start"),
        ("[1", TRANSCRIPT, "it is no transcript"),
        ('{"segments": []}', TRANSCRIPT, "has no words"),
        ("words", "text/vtt", "No cue with times"),
        (" \n", "text/plain", "has no words"),
    ],
)
def test_a_damaged_source_is_said_with_its_name(tmp_path: Path, text: str, media_type: str, problem: str) -> None:
    with pytest.raises(UnreadableMedia, match=problem) as refused:
        read(file(tmp_path, text, "talk.x", media_type))
    assert str(refused.value).startswith("'talk.x' ")


@given(st.lists(st.text("ab 東", max_size=30), max_size=15), st.integers(5, 60))
def test_parts_lose_nothing_and_keep_to_their_size(texts: list[str], tokens: int) -> None:
    parts = split(texts, str, tokens)
    assert [text for part in parts for text in part] == texts
    assert all(len(part) == 1 or sum(estimate(text) + 1 for text in part) <= tokens for part in parts)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 20)), min_size=1, max_size=12), st.data())
def test_chapters_lie_in_the_recording_one_after_the_other(times: list[tuple[int, int]], data: st.DataObject) -> None:
    segments = [Segment("a", float(start), float(start + length)) for start, length in sorted(times)]
    duration = max(segment.end or 0.0 for segment in segments)
    titles = data.draw(st.dictionaries(st.integers(0, len(segments) - 1), st.just("A title"), max_size=20))
    most = data.draw(st.integers(1, 5))
    found = chapters(titles, segments, duration, most)
    assert in_order(found, duration)
    assert len(found) <= most
    assert bool(found) is bool(titles)
    if found:
        assert (found[0].start, found[-1].end) == (segments[0].start, duration)
        assert all(one.end == after.start for one, after in pairwise(found))


def test_too_many_chapters_lose_their_shortest() -> None:
    segments = [Segment("a", float(start), start + 1.0) for start in range(10)]
    found = chapters({0: "A", 4: "B", 5: "C", 9: "D"}, segments, 30.0, 3)
    assert [(chapter.title, chapter.start, chapter.end) for chapter in found] == [
        ("A", 0, 5),
        ("C", 5, 9),
        ("D", 9, 30),
    ]


MARKED = st.lists(
    st.one_of(WORDS, st.sampled_from(["<i>one", "two</i>", "<b>three</b>", "{\\an8}four", '<font color="red">five'])),
    max_size=12,
).map(" ".join)


@given(st.one_of(MARKED, st.text("ab 東京。、「」のกข", max_size=60)), st.integers(10, 50))
def test_lines_hold_every_word_and_keep_to_their_length(text: str, length: int) -> None:
    lines = broken(text, length)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert markup(" ".join(lines)) == markup(text)
    assert all(width(line) <= length or " " not in line for line in lines)


def test_lines_are_balanced_and_as_few_as_can_be() -> None:
    assert broken("Nobody expects the Spanish Inquisition here", 42) == [
        "Nobody expects the",
        "Spanish Inquisition here",
    ]
    assert broken("Short enough", 42) == ["Short enough"]
    assert broken("<i>Markup takes no room at all</i>", 27) == ["<i>Markup takes no room at all</i>"]
    assert broken("", 42) == []


@given(CUES)
def test_units_hold_every_word_of_their_cue(cues: list[Cue]) -> None:
    found = units([cue.text for cue in cues])
    for number, cue in enumerate(cues):
        said = "".join(unit.before + unit.text + unit.after for unit in found if unit.cue == number)
        assert [letter for letter in said if letter.isalnum()] == [letter for letter in cue.text if letter.isalnum()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<i>Hello\nthere</i>", [("<i>", "Hello there", "</i>")]),
        ("{\\an8}<i><b>Up</b></i>", [("{\\an8}<i><b>", "Up", "</b></i>")]),
        ("<i>One</i> or <i>two</i>", [("", "<i>One</i> or <i>two</i>", "")]),
        ("<v Ann>Yes.", [("<v Ann>", "Yes.", "")]),
        ("- Who?\n– Me.", [("- ", "Who?", ""), ("- ", "Me.", "")]),
        ("- Who?\nMe.", [("", "- Who? Me.", "")]),
    ],
)
def test_what_stands_around_the_words_is_taken_off(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert [(unit.before, unit.text, unit.after) for unit in units([text])] == expected
