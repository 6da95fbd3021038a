"""Subtitles keep the rules of their preset; the report names each exception, and why it cannot be met."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings, strategies as st

from avstudio_core.documents.cues import Cue, cues
from avstudio_core.documents.frame_grid import FrameGrid
from avstudio_core.documents.pieces import width
from avstudio_core.documents.subtitle_report import report
from avstudio_core.documents.subtitle_rules import Preset, SubtitleRules, rules
from avstudio_core.documents.transcript import Segment, Transcript, Word

PRESETS: tuple[Preset, ...] = get_args(Preset)
WORD = st.text("abcdefghij", min_size=1, max_size=12)
RATES = (1000, 23.976, 24, 25, 29.97, 30, 60)
MARKS = st.sampled_from(["", "", "", "", ",", ".", "?"])


@st.composite
def streams(draw: st.DrawFn) -> Transcript:
    """Words as people speak them: of 0.05 to 0.9 s, with pauses of up to 4 s, by up to two speakers."""
    now, segments = 0.0, []
    for number in range(draw(st.integers(1, 4))):
        words = []
        for text, mark in draw(st.lists(st.tuples(WORD, MARKS), min_size=1, max_size=12)):
            now += draw(st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.3, 0.7, 4.0]))
            length = draw(st.floats(0.05, 0.9))
            words.append(Word(start=now, end=now + length, text=f" {text}{mark}"))
            now += length
        text = "".join(word.text for word in words).strip()
        speaker = draw(st.sampled_from([None, "Ann", "Ben"]))
        found = Segment(id=number, start=words[0].start, end=now, text=text, words=words, speaker=speaker)
        segments.append(found)
    return Transcript(language=draw(st.sampled_from(["en", "de", "ja"])), duration=now + 1.0, segments=segments)


@settings(max_examples=200)
@given(said=streams(), labels=st.booleans(), cuts=st.lists(st.floats(0, 60), max_size=5), rate=st.sampled_from(RATES))
def test_every_rule_of_every_preset_holds_or_the_report_says_why_it_cannot(
    said: Transcript, labels: bool, cuts: list[float], rate: float
) -> None:
    for preset in PRESETS:
        held = replace(rules(preset, said.language, min(rate, 60)), grid=FrameGrid(rate))
        shown = cues(said, held, cuts=cuts, labels=labels)
        found = report(shown, held, cuts).breaches
        assert all(breach.cause for breach in found), (preset, found)
        assert breaches(shown, held) == {(one.cue, one.rule) for one in found if one.rule != "snap_to"}
        assert not {"lines", "max_duration"} & {one.rule for one in found}
        frames = [time * held.grid.exact for cue in shown for time in (cue.start, cue.end)]
        assert all(abs(one - round(one)) <= 0.0006 * rate for one in frames)


def breaches(shown: list[Cue], held: SubtitleRules) -> set[tuple[int, str]]:
    """The broken rules, found in another way than that of the report."""
    found = set()
    for number, cue in enumerate(shown, 1):
        seconds = cue.end - cue.start + 0.0015
        found |= {(number, "line_length")} if max(map(width, cue.lines)) > held.columns else set()
        found |= {(number, "lines")} if len(cue.lines) > held.lines else set()
        found |= {(number, "reading_speed")} if sum(map(width, cue.lines)) / seconds > held.reading_speed else set()
        found |= {(number, "min_duration")} if seconds < held.shortest else set()
        found |= {(number, "max_duration")} if seconds - 0.003 > held.longest else set()
    for number, (one, other) in enumerate(pairwise(shown), 1):
        assert one.end <= other.start
        found |= {(number, "min_gap")} if other.start - one.end < held.gap - 0.0015 else set()
    return found


@pytest.mark.parametrize("preset", PRESETS)
def test_calm_speech_breaks_no_rule(preset: Preset) -> None:
    said = spoken("We went to the harbour. Nobody was there, so we walked home again, along the river. " * 3)
    held = rules(preset, "en")
    found = report(cues(said, held), held)
    assert (found.breaches, found.broken, found.cues > 3) == ([], {}, True)


def spoken(text: str, seconds: float = 0.4) -> Transcript:
    words = [
        Word(start=number * seconds, end=(number + 1) * seconds, text=f" {word}")
        for number, word in enumerate(text.split())
    ]
    segment = Segment(id=0, start=0, end=words[-1].end, text=text.strip(), words=words)
    return Transcript(language="en", duration=words[-1].end + 2, segments=[segment])


def test_a_flicker_is_closed_and_a_real_pause_stays() -> None:
    held = rules("netflix", "en")
    words = [(0.0, 1.5, " Yes, of course."), (1.9, 3.4, " And now again."), (5.4, 7.0, " After a pause.")]
    said = Transcript(language="en", duration=9, segments=[
        Segment(id=n, start=start, end=end, text=text.strip(), words=[Word(start=start, end=end, text=text)])
        for n, (start, end, text) in enumerate(words)
    ])  # fmt: skip
    one, two, three = cues(said, held)
    assert two.start - one.end == pytest.approx(2 / 24, abs=0.001)
    assert three.start - two.end == pytest.approx(2.0)


def test_cues_begin_and_end_with_the_cuts_of_the_picture() -> None:
    held = rules("netflix", "en")
    said = spoken("We went to the harbour by bus. Nobody was there, so we walked home again.")
    [first, second] = cues(said, held, cuts=[2.9, 6.4])
    assert second.start == 2.9
    assert first.end == pytest.approx(2.9 - 2 / 24, abs=0.001)
    assert second.end == pytest.approx(6.4 - 2 / 24, abs=0.001)
    assert report([first, second], held, [2.9, 6.4]).broken == {}


def test_fast_speech_is_reported_with_its_speed() -> None:
    held = rules("netflix", "en")
    found = report(cues(spoken("Somebody speaks considerably faster than anybody reads. " * 4, 0.12), held), held)
    fast = [one for one in found.breaches if one.rule == "reading_speed"]
    assert min(one.value for one in fast) > fast[0].limit == 20
    assert {one.cause for one in fast[:-1]} == {"The next cue begins."}
    assert found.broken["reading_speed"] == len(fast)
    assert f"reading_speed ({len(fast)} cues)" in found.summary


def test_a_word_longer_than_a_line_is_the_exception_that_is_named() -> None:
    held = rules("youtube", "de")
    shown = cues(spoken("Donaudampfschifffahrtsgesellschaftskapitän winkt", 3.0), held)
    assert [(one.rule, one.value, one.cause) for one in report(shown, held).breaches] == [
        ("line_length", 42, "It is a single word.")
    ]


def test_speakers_are_named_where_they_begin_and_never_share_a_cue() -> None:
    segments = [
        Segment(id=n, start=n * 2, end=n * 2 + 2, text=text, speaker=speaker)
        for n, (speaker, text) in enumerate([("Ann", "Hello."), ("Ann", "How are you?"), ("Ben", "Fine.")])
    ]
    said = Transcript(language="en", duration=6, segments=segments)
    assert [cue.text for cue in cues(said, labels=True)] == ["Ann: Hello.", "How are you?", "Ben: Fine."]
    assert [cue.speaker for cue in cues(said)] == ["Ann", "Ann", "Ben"]
