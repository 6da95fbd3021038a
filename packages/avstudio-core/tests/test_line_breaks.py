"""Line breaks lose no word, and follow the rules of each script."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from avstudio_core.documents.line_breaks import broken
from avstudio_core.documents.pieces import plain, tags, width

WORDS = st.text("aZä東7-.&<", min_size=1, max_size=8)
MARKED = st.lists(
    st.one_of(WORDS, st.sampled_from(["<i>one", "two</i>", "<b>three</b>", "{\\an8}four", '<font color="red">five'])),
    max_size=12,
).map(" ".join)


@given(st.one_of(MARKED, st.text("ab 東京。、「」のกข", max_size=60)), st.integers(10, 50))
def test_lines_hold_every_word_and_keep_to_their_length(text: str, length: int) -> None:
    lines = broken(text, length)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert tags(" ".join(lines)) == tags(text)
    assert all(width(plain(line)) <= length or " " not in line for line in lines)


def test_lines_are_balanced_and_as_few_as_can_be() -> None:
    assert broken("Nobody expects the Spanish Inquisition here", 42) == [
        "Nobody expects the",
        "Spanish Inquisition here",
    ]
    assert broken("Short enough", 42) == ["Short enough"]
    assert broken("<i>Markup takes no room at all</i>", 27) == ["<i>Markup takes no room at all</i>"]
    assert broken("", 42) == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("「こんにちは」って言っちゃった。そうですか？", ["「こんにちは」って言っ", "ちゃった。そうですか？"]),
        ("ที่นี่เป็นประเทศไทยและเราชอบอาหารไทย", ["ที่นี่เป็นประเทศไทยและ", "เราชอบอาหารไทย"]),
        ("안녕하세요 여러분 반갑습니다", ["안녕하세요 여러분", "반갑습니다"]),
        ("I came, I saw, and then I conquered it", ["I came, I saw,", "and then I conquered it"]),
    ],
)
def test_each_script_is_broken_where_it_may_be(text: str, lines: list[str]) -> None:
    assert broken(text, 24) == lines
