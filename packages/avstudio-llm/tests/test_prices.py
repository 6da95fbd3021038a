"""Prices are those of the table, to the millionth of a dollar."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage as Counted
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, strategies as st

import avstudio_llm
from avstudio_core.chat import Usage
from avstudio_core.language_models import Model
from avstudio_core.studio import Studio
from avstudio_core.testing import PriceBookContract
from avstudio_llm.prices import GenaiPrices

NAMES = [
    (provider.id, model.id)
    for provider in get_snapshot().providers
    for model in provider.models
    if provider.find_model(model.id) is not None  # a few are only patterns that their own ids do not fit
]
TOKENS = st.sampled_from([0, 1, 3, 999, 128_000, 200_000, 200_001, 272_001]) | st.integers(0, 2_000_000)
BOOK = GenaiPrices()


def model_of(name: str, priced_as: str | None = None) -> Model:
    backend, _, rest = name.partition("/")
    return Model(backend=backend, name=rest, local=False, priced_as=priced_as)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    read, written = draw(TOKENS), draw(TOKENS)
    cached = draw(st.integers(0, read))
    stored = draw(st.integers(0, read - cached))
    return Usage(
        input=read, output=written, cached=cached, cache_written=stored, reasoning=draw(st.integers(0, written))
    )


@given(st.sampled_from(NAMES), usages())
def test_the_cost_is_what_the_library_computes(name: tuple[str, str], usage: Usage) -> None:
    counted = Counted(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cached,
        cache_write_tokens=usage.cache_written,
        output_reasoning_tokens=usage.reasoning,
    )
    provider, found = get_snapshot().find_provider_model(name[1], None, name[0], None)
    now = datetime.now(UTC)
    expected = math.ceil(found.calc_price(counted, provider, genai_request_timestamp=now).total_price * 1_000_000)
    if usage.output and found.get_prices(now).__dict__.get("output_mtok") is None:
        expected = 0
    assert BOOK.cost(model_of("/".join(name)), usage) == (expected or None)


def test_a_fraction_is_rounded_up() -> None:
    assert BOOK.cost(model_of("openai/text-embedding-3-small"), Usage(input=1)) == 1
    assert BOOK.cost(model_of("openai/text-embedding-3-small"), Usage(input=51)) == 2


def test_ten_thousand_calls_cost_what_the_table_says() -> None:
    """Every call by itself, to the micro-dollar, in integers of the table's price for a million tokens."""
    price = (
        get_snapshot()
        .find_provider_model("mistral-small-latest", None, "mistral", None)[1]
        .get_prices(datetime.now(UTC))
    )
    names = ("input_mtok", "output_mtok", "cache_read_mtok")
    read, written, cached = (int(Decimal(price.__dict__[name]) * 1000) for name in names)
    for number in range(10_000):
        usage = Usage(input=number, output=number * 7 % 1013, cached=number // 3)
        nano = (usage.input - usage.cached) * read + usage.cached * cached + usage.output * written
        assert BOOK.cost(model_of("mistral/mistral-small-latest"), usage) == (-(-nano // 1000) or None)


@pytest.mark.parametrize("name", ["openai/nosuch-1", "nosuch/gpt-5.5", "ollama/llama3.2", "openai/", "openai/tts-9"])
def test_what_is_not_in_the_table_has_no_price(name: str) -> None:
    assert BOOK.cost(model_of(name), Usage(input=1000, output=1000)) is None


def test_a_price_of_zero_is_not_known() -> None:
    """The table gives 0 for tokens of a model that is paid by the second."""
    assert BOOK.cost(model_of("openai/whisper-1"), Usage(input=1000, output=10)) is None


def test_words_without_a_price_make_the_whole_unknown() -> None:
    assert BOOK.cost(model_of("openai/text-embedding-3-small"), Usage(input=10)) == 1
    assert BOOK.cost(model_of("openai/text-embedding-3-small"), Usage(input=10, output=1)) is None


def test_another_name_in_the_table_is_used() -> None:
    usage = Usage(input=1000, output=1000)
    there = BOOK.cost(model_of("mistral/mistral-small-latest"), usage)
    assert there
    assert BOOK.cost(model_of("work/m", "mistral/mistral-small-latest"), usage) == there


def test_seconds_and_characters_have_prices() -> None:
    assert BOOK.cost(model_of("openai/whisper-1"), Usage(seconds=60)) == 6000
    assert BOOK.cost(model_of("openai/tts-1"), Usage(characters=1000)) == 15000


def test_a_studio_finds_the_book(studio: Studio) -> None:
    studio.plugins.add_modules([avstudio_llm])
    assert GenaiPrices in studio.plugins.kind("price_books").values()


class TestGenaiPrices(PriceBookContract):
    plugin = avstudio_llm
    book = GenaiPrices
    known = "anthropic/claude-opus-4-1"
