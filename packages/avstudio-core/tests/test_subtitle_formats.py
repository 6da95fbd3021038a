"""What every writer of subtitles writes reads back: by pysubs2, by a parser of XML, or by our own readers."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings, strategies as st

from avstudio_core.documents.cues import Cue, cues
from avstudio_core.documents.formats.captions import Captions
from avstudio_core.documents.subtitle_formats import FORMATS, Name
from avstudio_core.documents.subtitles import Subtitles
from avstudio_core.documents.transcript import Segment, Transcript, Word

pysubs2 = pytest.importorskip("pysubs2", reason="pysubs2 is not installed")
TTML = "{http://www.w3.org/ns/ttml}"
Read = tuple[int, int, str]
"""Start and end in milliseconds, and the text without spaces."""


def bare(text: str) -> str:
    """A text without spaces, with what the formats cannot hold replaced."""
    text = re.sub(r"[\s\u200b\ufeff]", "", text)
    return text.translate(str.maketrans("{}\\[]<>", "｛｝⧵()‹›"))


def meant(shown: list[Cue]) -> list[Read]:
    return [(round(cue.start * 1000), round(cue.end * 1000), bare(cue.text)) for cue in shown]


def of_pysubs2(text: str) -> list[Read]:
    file = pysubs2.SSAFile.from_string(text, format_="ass")
    return [(line.start, line.end, bare(line.plaintext)) for line in file]


def of_subtitles(text: str) -> list[Read]:
    if len(text.split()) < 2:
        return []
    file = Subtitles.parse(text)
    return meant([Cue(cue.start, cue.end, words) for cue, words in zip(file.cues, file.words, strict=True)])


def of_xml(text: str) -> list[Read]:
    paragraphs = ElementTree.fromstring(text.encode()).iter(f"{TTML}p")
    return [(clock(one.get("begin")), clock(one.get("end")), bare("".join(one.itertext()))) for one in paragraphs]


def of_table(text: str) -> list[Read]:
    rows = [line.split("\t") for line in text.split("\n")[1:-1]]
    return [(int(row[0]), int(row[1]), bare(row[-1])) for row in rows]


def of_json(text: str) -> list[Read]:
    return meant([Cue(one.start, one.end, one.text) for one in Transcript.parse(text).segments])


def of_lyrics(text: str) -> list[Read]:
    """Lines without an end; the empty ones only end others."""
    lines = re.findall(r"^\[(\d+:\d\d\.\d\d)\](.+)$", text.partition("\n")[2], re.MULTILINE)
    return [(clock(time), 0, bare(re.sub(r"<\d+:\d\d\.\d\d>", "", words))) for time, words in lines]


def clock(stamp: str | None) -> int:
    assert stamp
    seconds = 0.0
    for part in stamp.split(":"):
        seconds = 60 * seconds + float(part)
    return round(1000 * seconds)


READERS: dict[Name, Callable[[str], list[Read]]] = {
    "srt": of_subtitles, "vtt": of_subtitles, "ass": of_pysubs2, "ttml": of_xml, "tsv": of_table, "json": of_json,
    "lrc": of_lyrics,
}  # fmt: skip
PRECISION = {"ass": 5.001, "lrc": 5.001}
"""In milliseconds: these formats have hundredths of a second."""
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30).filter(lambda t: "-->" not in t)
TIMES = st.floats(0, 500)
SPOKEN = st.builds(Word, start=TIMES, end=TIMES, text=TEXTS.map(" {}".format))


def segment(words: list[Word]) -> Segment:
    return Segment(id=0, start=0.0, end=1.0, text="".join(word.text for word in words).strip(), words=words)


transcripts = st.builds(
    Transcript,
    language=st.just("en"),
    duration=TIMES,
    segments=st.lists(st.lists(SPOKEN, min_size=1, max_size=25).map(segment), max_size=4),
)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60)
@given(said=transcripts)
def test_what_is_written_reads_back(name: Name, said: Transcript) -> None:
    shown = cues(said)
    found = READERS[name](FORMATS[name].written(Captions(said, shown)))
    for read, expected in zip(found, meant(shown), strict=True):
        assert read[2] == expected[2]
        assert read[0] == pytest.approx(expected[0], abs=PRECISION.get(name, 0.0))
        assert name == "lrc" or read[1] == pytest.approx(expected[1], abs=PRECISION.get(name, 0.0))


@pytest.mark.parametrize("name", [name for name in READERS if name != "srt"])
@settings(max_examples=40)
@given(said=transcripts)
def test_times_of_words_change_no_text(name: Name, said: Transcript) -> None:
    shown = cues(said)
    plain, timed = (FORMATS[name].written(Captions(said, shown, highlight)) for highlight in (False, True))
    tags = re.compile(r"</?c>|<\d\d+:\d\d:\d\d\.\d{3}>")
    assert READERS[name](plain) == READERS[name](tags.sub("", timed) if name == "vtt" else timed)


def test_each_word_is_underlined_in_turn() -> None:
    written = FORMATS["srt"].written(Captions(spoken(), cues(spoken()), highlight=True))
    assert [cue.text for cue in Subtitles.parse(written).cues] == ["<u>Hello</u> there.", "Hello <u>there.</u>"]
    assert [cue.start for cue in Subtitles.parse(written).cues] == [0.0, 0.5]


def test_karaoke_lasts_as_long_as_its_cue() -> None:
    written = FORMATS["ass"].written(Captions(spoken(), cues(spoken()), highlight=True))
    line = written.splitlines()[-1]
    assert line.endswith(r"{\k50}Hello {\k150}there.")
    [event] = pysubs2.SSAFile.from_string(written)
    assert event.duration == 10 * sum(map(int, re.findall(r"\\k(\d+)", line)))


def test_words_have_times_of_their_own_where_the_format_has_them() -> None:
    captions = Captions(spoken(), cues(spoken()), highlight=True)
    assert "<c>Hello</c> <00:00:00.500><c>there.</c>" in FORMATS["vtt"].written(captions)
    assert '<span begin="00:00:00.500" end="00:00:02.000">there.</span>' in FORMATS["ttml"].written(captions)
    assert "[00:00.00]<00:00.00>Hello <00:00.50>there." in FORMATS["lrc"].written(captions)


def test_speakers_have_a_column_and_a_name() -> None:
    said = spoken(speaker="Ann")
    assert FORMATS["tsv"].written(Captions(said, cues(said))) == (
        "start\tend\tspeaker\ttext\n0\t2000\tAnn\tHello there.\n"
    )
    [event] = pysubs2.SSAFile.from_string(FORMATS["ass"].written(Captions(said, cues(said))))
    assert event.name == "Ann"


def spoken(speaker: str | None = None) -> Transcript:
    words = [Word(start=0.0, end=0.4, text=" Hello"), Word(start=0.5, end=2.0, text=" there.")]
    segment = Segment(id=0, start=0.0, end=2.0, text="Hello there.", words=words, speaker=speaker)
    return Transcript(language="en", duration=2.0, segments=[segment])


def test_no_words_are_a_valid_file() -> None:
    nothing = Transcript(language="en", duration=2.0, segments=[])
    for name, read in READERS.items():
        assert read(FORMATS[name].written(Captions(nothing, []))) == []


def test_a_plain_text_has_no_control_characters() -> None:
    segment = Segment(id=0, start=0, end=2, text="a\0b\x1b[31m --> c", speaker="A\x1bnn")
    captions = Captions(Transcript(language="en", duration=2, segments=[segment]), [], labels=True)
    assert FORMATS["txt"].written(captions) == "Ann: ab[31m --> c\n"
