"""Parsing a model's output by the marks of its tokenizer."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from avstudio_core.chat import Delta
from avstudio_llm.backends.mlx.answer_text import Reader, StopStrings

PREPARED = (
    Path(os.environ.get("AVSTUDIO_TEST_MODELS", "~/.cache/av-studio-tests")).expanduser() / "SmolLM2-135M-Instruct"
)
TOOLS = [{"type": "function", "function": {"name": "cut", "parameters": {"type": "object"}}}]

needs_tokenizer = pytest.mark.skipif(
    find_spec("mlx_lm") is None or not (PREPARED / "config.json").is_file(),
    reason="The model is not prepared. Run: nox -s smollm",
)

few_letters = st.text(alphabet="ab<>", max_size=30)


def pieces(text: str, cuts: list[int]) -> list[str]:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


@given(
    few_letters, st.lists(st.integers(0, 30), max_size=6), st.lists(st.text("ab<>", min_size=1, max_size=4), max_size=3)
)
def test_a_text_ends_before_its_first_stop_string(text: str, cuts: list[int], stops: list[str]) -> None:
    stop = StopStrings(tuple(stops))
    read = "".join(stop.read(piece) for piece in pieces(text, cuts))
    ends = [(place + len(string), place) for string in stops if (place := text.find(string)) >= 0]
    assert stop.found == bool(ends)
    assert read + stop.rest() == text[: min(ends)[1] if ends else None]


@cache
def tokenizer() -> Any:
    """SmolLM2's, with the marks of the models that call tools as Qwen does and reason aloud."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlx_lm.tokenizer_utils import TokenizerWrapper, load
        from mlx_lm.tool_parsers import json_tools

        plain = load(PREPARED)._tokenizer
        plain.add_tokens(["<think>", "</think>"])
        return TokenizerWrapper(
            plain,
            tool_call_start=json_tools.tool_call_start,
            tool_call_end=json_tools.tool_call_end,
            tool_parser=json_tools.parse_tool_call,
        )


def read(text: str, cuts: list[int], tools: Any = TOOLS, stop: tuple[str, ...] = (), state: str = "normal") -> Delta:
    reader = Reader(tokenizer(), tools, stop, state)
    whole = Delta()
    for delta in [*map(reader.read, pieces(text, cuts)), reader.rest()]:
        whole.text += delta.text
        whole.reasoning += delta.reasoning
        whole.tool_calls += delta.tool_calls
    return whole


def anyhow(test: Callable[[list[int]], None]) -> Callable[[], None]:
    """Run a test with the text in one piece and in many; the tokenizer takes long to load."""
    return settings(deadline=None)(given(st.lists(st.integers(0, 200), max_size=10))(test))


def written(name: str = "cut", **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


@needs_tokenizer
@anyhow
def test_words_reasoning_and_calls_come_apart_however_they_are_cut(cuts: list[int]) -> None:
    text = f"<think>Hm < 3.</think>Let me. {written(at=[1, {'b': '<x>'}])} And {written(at='ü')}<b"
    found = read(text, cuts)
    assert (found.text, found.reasoning) == ("Let me.  And <b", "Hm < 3.")
    assert [(call.name, call.arguments) for call in found.tool_calls] == [
        ("cut", {"at": [1, {"b": "<x>"}]}),
        ("cut", {"at": "ü"}),
    ]
    assert len({call.id for call in found.tool_calls}) == 2


@needs_tokenizer
@anyhow
def test_a_call_that_cannot_be_read_stays_text(cuts: list[int]) -> None:
    text = 'So: <tool_call>{"name": "cut", "argum</tool_call>.'
    assert read(text, cuts) == Delta(text=text)
    assert read(written(at=1), cuts, tools=None) == Delta(text=written(at=1))


@needs_tokenizer
@anyhow
def test_a_call_without_an_end_is_read_all_the_same(cuts: list[int]) -> None:
    (call,) = read(written(at=2).removesuffix("</tool_call>"), cuts).tool_calls
    assert call.arguments == {"at": 2}


@needs_tokenizer
@anyhow
def test_reasoning_that_the_template_opened_is_told_apart(cuts: list[int]) -> None:
    found = read("Hm.</think>Yes.", cuts, state="reasoning")
    assert (found.reasoning, found.text) == ("Hm.", "Yes.")


@needs_tokenizer
@anyhow
def test_a_stop_string_ends_words_not_reasoning(cuts: list[int]) -> None:
    found = read("<think>one two</think>one two three", cuts, stop=(" two",))
    assert (found.reasoning, found.text) == ("one two", "one")
