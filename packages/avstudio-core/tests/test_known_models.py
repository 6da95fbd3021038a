"""`models.toml`: the built-in file, and the user's file merged into it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from avstudio_core import tokens
from avstudio_core.chat import ChatRequest, Message, Usage
from avstudio_core.errors import InvalidParams
from avstudio_core.gateway.models.known_models import KnownModels, Price
from avstudio_core.gateway.models.prices import Prices
from avstudio_core.language_models import Can, Model
from avstudio_core.settings_sources import load


def own(folder: Path, text: str) -> Path:
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_shipped_can_be_read(tmp_path: Path) -> None:
    known = KnownModels.load(tmp_path / "none.toml")
    assert known.backends["mistral"].kind == "openai"
    opus = known.completed(Model(backend="anthropic", name="claude-opus-5-5", local=False))
    assert opus.quality > 0.9
    assert not opus.can.sampling


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    KnownModels.of(load({"home": tmp_path}, {}))
    with pytest.raises(InvalidParams, match="with models does not exist"):
        KnownModels.of(load({"home": tmp_path, "models": tmp_path / "none.toml"}, {}))


def test_a_pattern_tells_of_models_that_a_server_lists(tmp_path: Path) -> None:
    known = KnownModels.load(tmp_path / "none.toml")
    coder = known.completed(Model(backend="ollama", name="qwen3-coder:30b", local=True, can=Can(tools=True)))
    assert "code" in coder.tags
    assert coder.can.tools


def test_your_own_file_goes_first_value_by_value(tmp_path: Path) -> None:
    text = '[models."anthropic/claude-opus-5-5"]\nquality = 0.1\n[backends.mistral]\nkey_variable = "MINE"\n'
    known = KnownModels.load(own(tmp_path, text))
    opus = known.completed(Model(backend="anthropic", name="claude-opus-5-5", local=False))
    assert (opus.quality, opus.can.tools) == (0.1, True)
    assert (known.backends["mistral"].key_variable, known.backends["mistral"].kind) == ("MINE", "openai")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models", "cannot be read"),
        ('[models."a/b"]\nquality = 7', "quality"),
        ('[models."a/b"]\nqualty = 1', "qualty"),
        ('[prices."a/b"]\ninput = -1', "input"),
        ('[backends.x]\nurl = "http://x"', r"\[backends\.x\]: 'url' is 'http://x'"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_broken_file_is_reported_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidParams, match=said) as caught:
        KnownModels.load(own(tmp_path, text))
    assert str(tmp_path / "models.toml") in str(caught.value)


CLOUD = Model(backend="cloud", name="big", local=False)
COUNTS = st.integers(0, 10**7)


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.decimals(0, 1000, places=4))
def test_a_cost_is_exact_and_rounded_up(fresh: int, cached: int, written: int, output: int, price: Decimal) -> None:
    table = {"cloud/big": Price(input=price, output=2 * price, cached=price / 10, cache_written=price)}
    usage = Usage(input=fresh + cached + written, output=output, cached=cached, cache_written=written)
    exact = price * (fresh + written) + price / 10 * cached + 2 * price * output
    cost = Prices(table, []).cost(CLOUD, usage)
    assert cost is not None
    assert 0 <= cost - exact < 1


def test_sound_and_speech_are_priced_by_second_and_character() -> None:
    prices = Prices({"cloud/big": Price(second=Decimal("0.0001"), character=Decimal("0.000015"))}, [])
    assert prices.cost(CLOUD, Usage(seconds=90.0)) == 9000
    assert prices.cost(CLOUD, Usage(characters=1000)) == 15000


def test_no_price_and_a_price_of_nothing_are_not_free() -> None:
    assert Prices({}, []).cost(CLOUD, Usage(input=1)) is None
    assert Prices({"cloud/big": Price()}, []).cost(CLOUD, Usage(input=1)) is None
    assert Prices({}, []).cost(CLOUD.model_copy(update={"local": True}), Usage(input=1)) == 0


@given(st.text(), st.text())
def test_the_bound_of_a_request_is_above_every_tokenizer(first: str, second: str) -> None:
    request = ChatRequest(messages=(Message(role="system", content=first), Message(role="user", content=second)))
    expected, most = tokens.of_request(request)
    assert most >= len((first + second).encode("utf-8", errors="replace")) + tokens.TURN * 2
    assert expected <= most
