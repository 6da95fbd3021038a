"""Parts, chapters and units of translation lose nothing and keep the order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from avstudio_core.documents.timed_text import Passage
from avstudio_core.tokens import estimate
from avstudio_llm.text.chapters import chapters, in_order
from avstudio_llm.text.splits import split
from avstudio_llm.text.translation_units import units

WORDS = st.text("aZä東7-.&<", min_size=1, max_size=8)
LINES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join).filter(lambda line: "-->" not in line)
TEXTS = st.lists(st.lists(LINES, min_size=1, max_size=2).map("\n".join), min_size=1, max_size=4)


@given(st.lists(st.text("ab 東", max_size=30), max_size=15), st.integers(5, 60))
def test_parts_lose_nothing_and_keep_to_their_size(texts: list[str], tokens: int) -> None:
    parts = split(texts, str, tokens)
    assert [text for part in parts for text in part] == texts
    assert all(len(part) == 1 or sum(estimate(text) + 1 for text in part) <= tokens for part in parts)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 20)), min_size=1, max_size=12), st.data())
def test_chapters_lie_in_the_recording_one_after_the_other(times: list[tuple[int, int]], data: st.DataObject) -> None:
    passages = [Passage("a", float(start), float(start + length)) for start, length in sorted(times)]
    duration = max(passage.end or 0.0 for passage in passages)
    titles = data.draw(st.dictionaries(st.integers(0, len(passages) - 1), st.just("A title"), max_size=20))
    most = data.draw(st.integers(1, 5))
    found = chapters(titles, passages, duration, most)
    assert in_order(found, duration)
    assert len(found) <= most
    assert bool(found) is bool(titles)
    if found:
        assert (found[0].start, found[-1].end) == (passages[0].start, duration)
        assert all(one.end == after.start for one, after in pairwise(found))


def test_too_many_chapters_lose_their_shortest() -> None:
    passages = [Passage("a", float(start), start + 1.0) for start in range(10)]
    found = chapters({0: "A", 4: "B", 5: "C", 9: "D"}, passages, 30.0, 3)
    assert [(chapter.title, chapter.start, chapter.end) for chapter in found] == [
        ("A", 0, 5),
        ("C", 5, 9),
        ("D", 9, 30),
    ]


@given(TEXTS)
def test_units_hold_every_word_of_their_cue(texts: list[str]) -> None:
    found = units(texts)
    for number, text in enumerate(texts):
        said = "".join(unit.before + unit.text + unit.after for unit in found if unit.cue == number)
        assert [letter for letter in said if letter.isalnum()] == [letter for letter in text if letter.isalnum()]


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
