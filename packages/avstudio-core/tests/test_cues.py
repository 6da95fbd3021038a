"""Subtitles have every word, in order, at its time, in readable cues."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from avstudio_core.documents.cues import Cue, cues
from avstudio_core.documents.pieces import width
from avstudio_core.documents.subtitle_rules import NONE
from avstudio_core.documents.subtitles import to_srt, to_txt, to_vtt
from avstudio_core.documents.transcript import Segment, Transcript, Word

COLUMNS, SHORTEST, LONGEST = NONE.columns, NONE.shortest, NONE.longest
STAMP = r"(\d\d+):([0-5]\d):([0-5]\d)[,.](\d{3})"


def spoken(text: str, *, seconds: float = 0.3, start: float = 0.0, timed: bool = True) -> Segment:
    """A segment whose words follow each other without a pause, `seconds` each."""
    words = [
        Word(start=start + seconds * number, end=start + seconds * (number + 1), text=f" {word}")
        for number, word in enumerate(text.split())
    ]
    return Segment(id=0, start=start, end=words[-1].end, text=text, words=words if timed else [])


def transcript(*segments: Segment, language: str = "en") -> Transcript:
    return Transcript(language=language, duration=segments[-1].end if segments else 0.0, segments=list(segments))


def lines(*segments: Segment) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cues(transcript(*segments))]


texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60).filter(lambda t: "-->" not in t)
times = st.floats(0, 500)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Whatever a model might say: words in no order of time, without any, or longer than a line."""
    words = draw(st.lists(st.builds(Word, start=times, end=times, text=texts.map(" {}".format)), max_size=40))
    text = "".join(word.text for word in words) or draw(st.lists(texts).map(" ".join))
    return Segment(id=0, start=draw(times), end=draw(times), text=text.strip(), words=words)


transcripts = st.builds(Transcript, language=st.just("en"), duration=times, segments=st.lists(segments(), max_size=8))


@given(transcripts)
def test_all_words_are_kept_in_order(said: Transcript) -> None:
    shown = "".join(line for cue in cues(said) for line in cue.lines)
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", "".join(segment.text for segment in said.segments))


@given(transcripts)
def test_cues_follow_each_other_and_stand_for_some_time(said: Transcript) -> None:
    shown = cues(said)
    assert all(0 <= cue.start < cue.end <= cue.start + LONGEST + 0.0015 for cue in shown)
    assert all(one.end <= other.start for one, other in pairwise(shown))
    for cue, following in pairwise(shown):
        assert cue.end - cue.start >= SHORTEST - 0.0015 or cue.end == pytest.approx(following.start, abs=0.002)


@given(transcripts)
def test_lines_are_two_and_short_unless_a_word_is_longer(said: Transcript) -> None:
    for cue in cues(said):
        assert 1 <= len(cue.lines) <= 2
        assert all(line and (width(line) <= COLUMNS or " " not in line) for line in cue.lines)


@given(transcripts)
def test_srt_reads_back_as_the_cues(said: Transcript) -> None:
    assert parsed(to_srt(said)) == cues(said)


def parsed(srt: str) -> list[Cue]:
    """A strict reader: numbers from 1, one blank line between blocks."""
    found = []
    for number, block in enumerate(srt.removesuffix("\n").split("\n\n") if srt.strip() else [], 1):
        head, stamps, *text = block.split("\n")
        assert head == str(number)
        match = re.fullmatch(f"{STAMP} --> {STAMP}", stamps)
        assert match, stamps
        hours = [int(part) for part in match.groups()]
        start, end = (
            round(hours[i] * 3600 + hours[i + 1] * 60 + hours[i + 2] + hours[i + 3] / 1000, 3) for i in (0, 4)
        )
        found.append(Cue(start, end, "\n".join(text)))
    return found


def test_sentences_are_not_run_together() -> None:
    assert lines(spoken("We went to the harbour. Nobody was there. So we walked home again.")) == [
        ("We went to the harbour.",),
        ("Nobody was there.",),
        ("So we walked home again.",),
    ]


def test_a_long_sentence_breaks_at_its_commas() -> None:
    text = (
        "and so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
    )
    assert lines(spoken(text)) == [
        ("and so, my fellow Americans,",),
        ("ask not what your country can do for you,", "ask what you can do for your country."),
    ]


def test_a_pause_ends_a_cue() -> None:
    assert lines(spoken("I was going to"), spoken("say something else", start=5.0)) == [
        ("I was going to",),
        ("say something else",),
    ]


def test_a_word_too_short_to_read_joins_its_neighbours() -> None:
    assert lines(spoken("No. No. No. That is not what I said.", seconds=0.15)) == [
        ("No. No. No. That is not what I said.",)
    ]


def test_no_cue_is_longer_than_it_may_be() -> None:
    shown = cues(transcript(spoken("Aaaaaah", seconds=30.0), spoken("slow " * 30, seconds=1.5, start=31.0)))
    assert max(cue.end - cue.start for cue in shown) <= LONGEST
    assert len(shown) > 6


def test_a_short_cue_stays_while_there_is_room() -> None:
    [first, second] = cues(transcript(spoken("Yes.", seconds=0.1), spoken("And no.", start=10.0)))
    assert (first.start, first.end) == (0.0, SHORTEST)
    assert second.start == 10.0


def test_the_last_cue_ends_with_the_recording() -> None:
    [cue] = cues(transcript(spoken("Yes.", seconds=0.1)))
    assert cue.end == 0.1


def test_much_text_in_little_time_stays_longer() -> None:
    [cue, _] = cues(
        transcript(spoken("Forty letters in half a second of speech", seconds=0.05), spoken("x", start=9.0))
    )
    assert cue.end == pytest.approx(40 / 20, abs=0.1)


def test_words_without_times_share_their_segment() -> None:
    shown = cues(transcript(spoken("One sentence stands here first. Another one stands here second.", timed=False)))
    assert [cue.lines for cue in shown] == [("One sentence stands here first.",), ("Another one stands here second.",)]
    assert shown[1].start == pytest.approx(1.44, abs=0.1)


def test_words_that_lost_their_spaces_get_them_back() -> None:
    words = [Word(start=n, end=n + 0.9, text=text) for n, text in enumerate(["Words", "come", "bare"])]
    assert lines(Segment(id=0, start=0, end=3, text="Words come bare", words=words)) == [("Words come bare",)]


@pytest.mark.parametrize("timed", [True, False])
def test_chinese_has_no_spaces_and_takes_two_columns(timed: bool) -> None:
    text = "我们选择在这个十年登月，并做其他事情，不是因为它们容易，而是因为它们很难。"
    words = [Word(start=n * 0.3, end=n * 0.3 + 0.3, text=c) for n, c in enumerate(text)] if timed else []
    shown = cues(transcript(Segment(id=0, start=0, end=0.3 * len(text), text=text, words=words), language="zh"))
    assert "".join(line for cue in shown for line in cue.lines) == text
    assert all(len(line) <= COLUMNS // 2 for cue in shown for line in cue.lines)
    assert not any(line[0] in "，。" for cue in shown for line in cue.lines)


def test_french_marks_begin_no_line() -> None:
    text = "Pourquoi voulez-vous donc que nous partions ! Parce que nous n'avons plus rien à faire ici ; voilà tout !"
    assert not any(line[0] in "!;" for cue in lines(spoken(text)) for line in cue)


def test_what_would_end_a_cue_is_made_harmless() -> None:
    evil = transcript(spoken("a --> b\n\n2\n00:00:01,000 --> 00:00:02,000 \x00 & <b>c</b> &amp;"))
    assert len(parsed(to_srt(evil))) == len(cues(evil))
    assert to_srt(evil).count("-->") == len(cues(evil))
    assert "&lt;b&gt;c&lt;/b&gt; &amp;amp;" in to_vtt(evil)
    assert "\x00" not in to_srt(evil)


def test_times_are_rounded_as_a_whole() -> None:
    said = transcript(spoken("first", start=59.9996, seconds=1), spoken("second", start=3599.9999, seconds=1))
    assert re.findall(rf"{STAMP} -->", to_srt(said)) == [("00", "01", "00", "000"), ("01", "00", "00", "000")]


def test_a_hundred_hours_are_written() -> None:
    assert "100:00:00,000 -->" in to_srt(transcript(spoken("late", start=360_000.0)))


def test_vtt_is_vtt() -> None:
    assert to_vtt(transcript(spoken("Hello there."))) == "WEBVTT\n\n00:00:00.000 --> 00:00:00.600\nHello there.\n"


def test_nothing_said_is_a_valid_file_that_shows_nothing() -> None:
    assert (to_srt(transcript()), to_vtt(transcript()), to_txt(transcript())) == ("\n", "WEBVTT\n", "\n")


def test_text_has_a_line_for_each_segment() -> None:
    said = transcript(spoken("Hello  there."), spoken("Bye.\nBye.", start=3.0))
    assert to_txt(said) == "Hello there.\nBye. Bye.\n"
    assert said.text == "Hello  there. Bye.\nBye."


def test_sound_that_starts_late_is_subtitled_late() -> None:
    late = transcript(spoken("Hello there.")).shifted(1.5)
    assert cues(late)[0].start == 1.5
    assert (late.segments[0].words[1].start, late.segments[0].end) == (1.8, 2.1)
    assert late.duration == transcript(spoken("Hello there.")).duration + 1.5
