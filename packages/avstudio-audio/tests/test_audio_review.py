"""What the review of a transcript finds, and what it accepts."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from avstudio_audio.media.decode import decode
from avstudio_audio.speech.transcript_review import (
    Recording,
    SoundFacts,
    impossibly_fast,
    loops,
    raised,
    review,
    sound_facts,
    without_inventions,
)
from avstudio_core.documents.transcript import Segment, Transcript, Word

NOTHING = np.zeros(0, np.float32)
SPOKEN = SoundFacts(level_dbfs=-20.0, speech_seconds=60.0)


@dataclass(frozen=True)
class Known(Recording):
    """Sound of which the same is known everywhere."""

    known: SoundFacts = SPOKEN

    def facts(self, start: float = 0.0, end: float = np.inf) -> SoundFacts:
        return self.known

    def level_dbfs(self, start: float, end: float) -> float:
        return self.known.level_dbfs


VERSE = [
    "I walked the harbour wall alone",
    "The gulls were counting every stone",
    "And all the boats had gone to sea",
    "Without a word, without a word from me",
]
CHORUS = [
    "Oh, bring it home, bring it home",
    "Bring it home to the shore",
    "Oh, bring it home, bring it home",
    "And I'll ask for nothing more",
]


def transcript(lines: list[str], seconds: float = 3.0) -> Transcript:
    """Lines of equal length, one after the other, with the compression ratio that Whisper would give each."""
    segments = [
        Segment(
            id=number,
            start=number * seconds,
            end=(number + 1) * seconds,
            text=line,
            words=[],
            avg_logprob=-0.3,
            no_speech_prob=0.1,
            compression_ratio=len(line.encode()) / len(zlib.compress(line.encode())),
        )
        for number, line in enumerate(lines)
    ]
    return Transcript(language="en", language_probability=1.0, duration=len(lines) * seconds, segments=segments)


def codes(lines: list[str], facts: SoundFacts = SPOKEN) -> list[str]:
    return [warning.code for warning in review(transcript(lines), Known(NOTHING, known=facts))]


def test_a_song_with_its_chorus_three_times_is_not_a_loop() -> None:
    assert codes([*VERSE, *CHORUS, *VERSE[::-1], *CHORUS, *CHORUS]) == []


@pytest.mark.parametrize(
    "line",
    [
        "Let it be, let it be, let it be, let it be",
        "Na na na na, na na na na, hey hey hey, goodbye",
        "Hallelujah, hallelujah, hallelujah, hallelujah",
        "Yeah, yeah, yeah",
    ],
)
def test_a_refrain_sung_twice_is_not_a_loop(line: str) -> None:
    assert codes([*VERSE, line, line, *VERSE]) == []


def test_a_segment_over_and_over_is_a_loop_with_its_place() -> None:
    (warning,) = review(transcript([*VERSE, *["Thanks for watching!"] * 10, *VERSE]), Known(NOTHING))
    assert warning.code == "repetition_loop"
    assert warning.message == "'thanks for watching' repeats 10 times in a row from 12.0 s to 42.0 s."


def test_a_phrase_within_one_segment_is_a_loop() -> None:
    (warning,) = review(transcript([*VERSE, "and then " + "we go up the hill " * 9]), Known(NOTHING))
    assert "'we go up the hill' repeats 9 times" in warning.message


def test_a_script_without_spaces_is_read_by_characters() -> None:
    assert [loop.times for loop in loops(transcript(["ご視聴ありがとうございました。" * 7]).segments)] == [7]
    assert codes(["昨日の夜、港の壁に沿って一人で歩いていた。", "カモメが石を数えていた。"]) == []


def test_text_that_compresses_too_well_is_flagged_once_for_its_window() -> None:
    stammer = " ".join(f"{n % 3} and then some more of the same and" for n in range(14))
    (warning,) = review(transcript([*VERSE, stammer, stammer[2:]]), Known(NOTHING))
    assert warning.code == "repetition_loop"
    assert "from 12.0 s to 18.0 s" in warning.message


def test_no_words_in_audible_speech_are_flagged() -> None:
    (warning,) = review(transcript([]), Known(NOTHING))
    assert warning.code == "empty_transcript"
    assert "60.0 s of speech" in warning.message
    assert codes(["", " "]) == ["empty_transcript"]


@pytest.mark.parametrize(
    "facts",
    [SoundFacts(-20.0, 0.2), SoundFacts(-70.0, 30.0), SoundFacts(float("-inf"), None)],
    ids=["music", "too quiet", "silence"],
)
def test_no_words_where_there_is_nothing_to_hear_are_right(facts: SoundFacts) -> None:
    assert codes([], facts) == []


def test_only_spans_that_were_transcribed_should_have_words() -> None:
    class Late(Known):
        def facts(self, start: float = 0.0, end: float = np.inf) -> SoundFacts:
            return SPOKEN if end > 5 else SoundFacts(float("-inf"), 0.0)

    assert review(transcript([]), Late(NOTHING), [(0, 1), (3, 4)]) == []
    assert [one.code for one in review(transcript([]), Late(NOTHING), [(0, 1), (8, 9)])] == ["empty_transcript"]


@pytest.mark.parametrize("line", ["...", "♪ ♪", "-"])
def test_text_without_a_word_is_not_text(line: str) -> None:
    assert codes([line, line]) == ["empty_transcript"]


def test_a_short_segment_over_and_over_is_a_loop() -> None:
    (warning,) = review(transcript([*VERSE, *["Thank you."] * 14, *VERSE]), Known(NOTHING))
    assert warning.message == "'thank you' repeats 14 times in a row from 12.0 s to 54.0 s."
    assert codes([*VERSE, *["Yeah."] * 4, *VERSE]) == []


def test_a_long_phrase_can_loop_too() -> None:
    phrase = " ".join(f"word{n}" for n in range(60))
    assert codes([phrase] * 6) == ["repetition_loop"]


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (SoundFacts(-62.0, 0.0), ["hallucinated_over_silence"]),
        (SoundFacts(-62.0, None), ["hallucinated_over_silence"]),
        (SoundFacts(-55.0, None), []),
        (SoundFacts(-55.0, 1.0), []),
        (SoundFacts(-45.0, 0.0), []),
    ],
    ids=["no voice", "no detector, too quiet", "no detector", "a quiet voice", "singing"],
)
def test_words_in_the_quiet_are_doubted_where_there_is_no_voice(facts: SoundFacts, found: list[str]) -> None:
    assert codes(["Thank you."], facts) == found


def test_words_over_digital_silence_are_left_out_with_a_warning() -> None:
    sound = np.full(16_000 * 6, 1e-5, np.float32)
    sound[16_000 * 4 :] = 0.01
    kept, told = without_inventions(transcript(["You", "Well", "then"], 2.0), Recording(sound))
    assert [(segment.id, segment.text) for segment in kept.segments] == [(0, "Well"), (1, "then")]
    assert [warning.code for warning in told] == ["hallucinated_over_silence"]
    assert told[0].message == "'You' from 0.0 s to 2.0 s is left out: the sound is digital silence."


def tone(seconds: float, level: float) -> NDArray[np.float32]:
    return (level * np.sin(np.arange(round(16_000 * seconds)))).astype(np.float32)


def test_a_very_quiet_voice_is_not_silence() -> None:
    sound = tone(6.0, 1e-4)
    words = transcript(["Well", "then"], 3.0)
    assert without_inventions(words, Recording(sound)) == (words, [])


@pytest.mark.parametrize("peak", [1e-7, 1e-4, 0.009])
def test_a_very_quiet_recording_is_raised_and_its_level_known(peak: float) -> None:
    sound = np.sign(tone(2.0, 1.0)) * np.float32(peak)
    gain = raised(sound)
    assert np.abs(sound).max() == pytest.approx(0.5)
    assert Recording(sound, gain_db=gain).level_dbfs(0.0, 2.0) == pytest.approx(20 * np.log10(peak), abs=0.1)


def test_a_click_does_not_keep_a_quiet_recording_quiet() -> None:
    sound = tone(2.0, 1e-4)
    sound[159:162] = 0.3
    assert raised(sound) == pytest.approx(74.0, abs=0.2)
    assert float(np.median(np.abs(sound))) > 0.1
    assert np.abs(sound).max() == 1.0


def test_a_short_word_is_not_a_click() -> None:
    sound = np.concatenate((tone(2.0, 1e-4), tone(0.1, 0.3)))
    assert raised(sound) == 0.0


def test_rounding_errors_are_not_raised() -> None:
    sound = np.full(16_000, 1e-39, np.float32)
    sound[::2] = 0
    assert raised(sound) == 0.0
    assert np.isfinite(sound).all()


@pytest.mark.parametrize("level", [0.0, 1e-5, 0.5])
def test_silence_and_ordinary_sound_are_not_raised(level: float) -> None:
    sound = np.full(1_000, level, np.float32)
    assert raised(sound) == 0.0
    assert (sound == np.float32(level)).all()


def fast(text: str, start: float, end: float, instant: int = 0) -> Segment:
    """A segment whose first words take no time."""
    parts = text.split()
    step = (end - start) / len(parts)
    times = [(start + number * step, start + (number + (number >= instant)) * step) for number in range(len(parts))]
    words = [Word(start=one, end=two, text=f" {part}") for part, (one, two) in zip(parts, times, strict=True)]
    return Segment(id=9, start=start, end=end, text=text, words=words)


@pytest.mark.parametrize(("end", "instant"), [(12.8, 0), (18.0, 5)])
def test_a_repeat_that_is_too_fast_is_left_out(end: float, instant: int) -> None:
    spoken = transcript([*VERSE[:3], "Without a word from me"])
    again = fast("The gulls were counting every stone", 12.0, end, instant)
    invented = spoken.model_copy(update={"segments": [*spoken.segments, again]})
    sound = tone(20.0, 0.1)
    kept, told = without_inventions(invented, Recording(sound))
    assert [segment.text for segment in kept.segments] == [segment.text for segment in spoken.segments]
    assert [warning.code for warning in told] == ["hallucinated_repeat"]


def test_new_words_that_are_too_fast_are_kept_with_a_warning() -> None:
    spoken = transcript(VERSE)
    segments = [*spoken.segments, fast("And nobody has ever said these words before", 12.0, 12.5)]
    found = spoken.model_copy(update={"segments": segments})
    assert without_inventions(found, Recording(tone(20.0, 0.1))) == (found, [])
    assert [warning.code for warning in review(found, Known(NOTHING))] == ["impossible_speed"]


def test_a_quick_chorus_is_not_an_invention() -> None:
    assert codes([*VERSE, *CHORUS, *CHORUS]) == []
    assert not impossibly_fast(fast("Yes", 0.0, 0.05))
    assert not impossibly_fast(fast("We shall fight on the beaches tonight", 0.0, 2.0))


def test_sound_that_begins_late_is_looked_up_by_the_clock_of_the_transcript() -> None:
    sound = np.concatenate((np.zeros(16_000 * 3, np.float32), np.full(16_000 * 3, 0.1, np.float32)))
    assert Recording(sound, start=10.0).silent(10.0, 12.0)
    assert not Recording(sound, start=10.0).silent(12.0, 14.0)
    assert Recording(sound, start=10.0).level_dbfs(14.0, 16.0) == pytest.approx(-20.0, abs=0.1)


def test_without_a_voice_detector_the_level_decides() -> None:
    assert codes([], SoundFacts(-20.0, None)) == ["empty_transcript"]


@given(
    st.lists(st.sampled_from("abc"), max_size=30), st.integers(30, 60), st.lists(st.sampled_from("xyz"), max_size=30)
)
def test_a_loop_is_found_wherever_it_stands(before: list[str], times: int, after: list[str]) -> None:
    found = loops(transcript([" ".join([*before, *["loop"] * times, *after])]).segments)
    assert [(loop.phrase, loop.times) for loop in found if "loop" in loop.phrase] == [("loop", times)]


@given(st.permutations([f"word{n}" for n in range(40)]))
def test_words_that_all_differ_never_loop(text: list[str]) -> None:
    assert loops(transcript([" ".join(text)]).segments) == []


def test_the_facts_of_a_voice(voice: Path) -> None:
    pytest.importorskip("faster_whisper", reason="the extra avstudio-audio[whisper] is not installed")
    facts = sound_facts(decode(voice, rate=16_000, channels=1).data[0])
    assert -30 < facts.level_dbfs < -10
    assert facts.speech_seconds is not None
    assert 3 < facts.speech_seconds < 10.9


@pytest.mark.parametrize("samples", [0, 1, 16_000])
def test_silence_of_any_length_has_no_level_and_no_speech(samples: int) -> None:
    facts = sound_facts(np.zeros(samples, np.float32))
    assert facts.level_dbfs == float("-inf")
    assert not facts.speech_seconds


def test_a_full_scale_square_wave_has_zero_dbfs() -> None:
    assert sound_facts(np.tile(np.array([1, -1], np.float32), 8_000)).level_dbfs == pytest.approx(0.0)
