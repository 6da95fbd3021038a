"""The contract of price books, as a test class to subclass."""

from __future__ import annotations

import re
import time
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

import pytest

from avstudio_core.testing.contract import NAME, Contract
from avstudio_core.testing.light_imports import check_imports

if TYPE_CHECKING:
    from avstudio_core.chat import Usage
    from avstudio_core.kinds.price_book import PriceBook
    from avstudio_core.language_models import Model
    from avstudio_core.studio import Studio


class PriceBookContract(Contract):
    """The contract of price books. Subclass it, and set the plugin, the book, and a `known` model."""

    plugin: ModuleType
    book: ClassVar[type[PriceBook]]
    known: ClassVar[str]
    """A model with prices for input and output, as `<backend>/<name>`."""

    @pytest.fixture
    def made(self, no_network: None) -> PriceBook:
        """The book, without a network."""
        return self.book()

    def test_its_name_is_a_word(self) -> None:
        """The name is one word of small letters, digits, `_` and `-`."""
        assert re.fullmatch(NAME, self.book.name), f"'{self.book.name}' is not."

    def test_its_plugin_registers_it(self, studio: Studio) -> None:
        """The plugin's hook `register_price_books` returns the price book."""
        assert studio.plugins.find("price_books", self.book.name) is self.book

    def test_importing_it_is_light(self) -> None:
        """Importing the plugin and declaring the price book import no heavy library."""
        check_imports(self.plugin)

    @pytest.mark.parametrize("tokens", [(1000, 0), (0, 1000), (1000, 1000)])
    def test_a_price_is_a_whole_number_of_millionths(self, made: PriceBook, tokens: tuple[int, int]) -> None:
        """A cost is an `int` in millionths of a dollar, and above 0 for tokens that were read or written."""
        cost = cost_of(made, self.known, *tokens)
        assert type(cost) is int
        assert cost > 0

    def test_what_it_does_not_know_has_no_price(self, made: PriceBook) -> None:
        """The cost of a model that the book does not know is `None`: one that costs 0 would pass every budget."""
        assert made.cost(cloud_model("nobody/has-such-a-model"), _usage(1000, 1000)) is None

    def test_it_rounds_up(self, made: PriceBook) -> None:
        """A cost is rounded up: 100 small calls cost no less than one large one, so that no budget is overrun."""
        for read, written in ((1, 0), (0, 1), (1, 1)):
            small, large = (cost_of(made, self.known, factor * read, factor * written) for factor in (1, 100))
            assert small >= 1
            assert 100 * small >= large

    def test_more_never_costs_less(self, made: PriceBook) -> None:
        """More tokens never cost less."""
        counts = (0, 1, 10, 1000, 100_000, 1_000_000, 1_000_000_000)
        for costs in (
            [cost_of(made, self.known, count, 1) for count in counts],
            [cost_of(made, self.known, 1, count) for count in counts],
        ):
            assert costs == sorted(costs)

    def test_tokens_from_the_cache_have_a_price(self, made: PriceBook) -> None:
        """Tokens that the provider reads from its cache, or writes to it, are not free."""
        read = _usage(100_000, 0)
        for kind in ("cached", "cache_written"):
            cost = made.cost(cloud_model(self.known), read.model_copy(update={kind: 100_000}))
            assert cost is not None, f"The book has no price for tokens that are '{kind}'."
            assert cost > 0, f"Tokens that are '{kind}' cost nothing."

    def test_a_price_comes_fast(self, made: PriceBook) -> None:
        """A price takes less than a tenth of a second: each request needs several."""
        cost_of(made, self.known, 1, 1)  # the first call may read a file
        taken = []
        for number in range(5):
            began = time.monotonic()
            cost_of(made, self.known, number, 1)
            taken.append(time.monotonic() - began)
        assert min(taken) < 0.1, f"It takes {min(taken):.2f} s."  # on a busy machine, one of them may take longer

    def test_a_model_may_be_priced_under_another_name(self, made: PriceBook) -> None:
        """A model with `priced_as` has the price of the model that it names."""
        renamed = cloud_model("proxy/mine").model_copy(update={"priced_as": self.known})
        assert made.cost(renamed, _usage(1000, 1000)) == cost_of(made, self.known, 1000, 1000)


def cloud_model(name: str) -> Model:
    """A model of a cloud, named `<backend>/<name>`."""
    from avstudio_core.language_models import Model

    backend, _, rest = name.partition("/")
    return Model(backend=backend, name=rest, local=False)


def cost_of(book: PriceBook, name: str, read: int, written: int) -> int:
    """The cost of so many tokens of a known model."""
    cost = book.cost(cloud_model(name), _usage(read, written))
    assert cost is not None, f"The contract's 'known' names '{name}', and the book has no price for it."
    return cost


def _usage(read: int, written: int) -> Usage:
    from avstudio_core.chat import Usage

    return Usage(input=read, output=written)
