"""Transcripts: written files can be read, also those of other programs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from avstudio_core.documents.transcript import Segment, Transcript, Word
from avstudio_core.errors import UnreadableMedia

TIMES = st.floats(0, 1e9)
SHARES = st.floats(0, 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
WORDS = st.builds(Word, start=TIMES, end=TIMES, text=TEXTS, probability=st.none() | SHARES)
SEGMENTS = st.builds(
    Segment,
    id=st.integers(0, 10**6),
    start=TIMES,
    end=TIMES,
    text=TEXTS,
    words=st.lists(WORDS, max_size=3),
    avg_logprob=st.floats(-100, 0),
    no_speech_prob=SHARES,
    compression_ratio=st.floats(0, 1e6),
)
TRANSCRIPTS = st.builds(
    Transcript, language=TEXTS, language_probability=SHARES, duration=TIMES, segments=st.lists(SEGMENTS, max_size=3)
)


@given(TRANSCRIPTS)
def test_what_is_written_is_read(said: Transcript) -> None:
    assert Transcript.parse(said.written()) == said


def test_json_of_other_programs_is_read() -> None:
    words = [{"word": " Hello", "start": 0.5, "end": 0.9, "score": 0.8}, {"word": " 1969"}]
    said = {"text": "…", "segments": [{"seek": 0, "start": 0.5, "end": 2, "text": " Hello 1969", "words": words}]}
    found = Transcript.parse(json.dumps(said))
    assert (found.language, found.duration, found.segments[0].words) == ("und", 2, [])
    said["segments"] = [{"start": 0.5, "end": 2, "text": " Hello", "words": words[:1], "avg_logprob": None}]
    assert Transcript.parse(json.dumps(said)).segments[0].words == [Word(start=0.5, end=0.9, text=" Hello")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '{"segments": [{"start": 0, "end": 1, "text": "a"}, {"start": 0, "text": "b"}]}',
            "'segments.1.end' is missing",
        ),
        ('{"segments": 3}', "'segments' is '3'"),
        ("[]", "should be"),
        ('{"segments":\n [', "line 2"),
        ("[" * 100_000, "not JSON"),
        ("9" * 100_000, "not"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(UnreadableMedia, match=f"It is not a transcript: .*{problem}"):
        Transcript.parse(text)
