"""What every price book must keep, as a test class to subclass."""

from __future__ import annotations

import re
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

import pytest

from avstudio_core.testing.contracts import HEAVY, imported_by

if TYPE_CHECKING:
    from avstudio_core.chat import Usage
    from avstudio_core.kinds.price_book import PriceBook
    from avstudio_core.language_models import Model
    from avstudio_core.studio import Studio


class PriceBookContract:
    """What every price book must keep. Subclass it, name the plugin and the book, and give a model that is `known`."""

    plugin: ModuleType
    book: ClassVar[type[PriceBook]]
    known: ClassVar[str]
    """A model whose words cost something, read and written, as `<backend>/<name>`."""

    @pytest.fixture
    def made(self, no_network: None) -> PriceBook:
        """The book itself, which has no network."""
        return self.book()

    def test_its_name_is_a_word(self) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", self.book.name)

    def test_its_plugin_registers_it(self, studio: Studio) -> None:
        assert studio.plugins.find("price_books", self.book.name) is self.book

    def test_importing_it_is_light(self) -> None:
        assert imported_by(self.plugin) & HEAVY == set()

    @pytest.mark.parametrize("tokens", [(1000, 0), (0, 1000), (1000, 1000)])
    def test_a_price_is_a_whole_number_of_millionths(self, made: PriceBook, tokens: tuple[int, int]) -> None:
        cost = cost_of(made, self.known, *tokens)
        assert type(cost) is int
        assert cost > 0

    def test_what_it_does_not_know_has_no_price(self, made: PriceBook) -> None:
        """A price of 0 would be free, and no budget would hold."""
        assert made.cost(cloud_model("nobody/has-such-a-model"), _usage(1000, 1000)) is None

    def test_it_rounds_up(self, made: PriceBook) -> None:
        """A budget is never overrun by fractions: 100 small calls cost no less than one large one."""
        for read, written in ((1, 0), (0, 1), (1, 1)):
            small, large = (cost_of(made, self.known, factor * read, factor * written) for factor in (1, 100))
            assert small >= 1
            assert 100 * small >= large

    def test_more_never_costs_less(self, made: PriceBook) -> None:
        counts = (0, 1, 10, 1000, 100_000, 1_000_000)
        for costs in (
            [cost_of(made, self.known, count, 1) for count in counts],
            [cost_of(made, self.known, 1, count) for count in counts],
        ):
            assert costs == sorted(costs)

    def test_a_model_may_be_priced_under_another_name(self, made: PriceBook) -> None:
        renamed = cloud_model("proxy/mine").model_copy(update={"priced_as": self.known})
        assert made.cost(renamed, _usage(1000, 1000)) == cost_of(made, self.known, 1000, 1000)


def cloud_model(name: str) -> Model:
    """A model of a cloud, named `<backend>/<name>`."""
    from avstudio_core.language_models import Model

    backend, _, rest = name.partition("/")
    return Model(backend=backend, name=rest, local=False)


def cost_of(book: PriceBook, name: str, read: int, written: int) -> int:
    """What so many tokens of a known model cost."""
    cost = book.cost(cloud_model(name), _usage(read, written))
    assert cost is not None, f"'{name}' is said to be known, and has no price"
    return cost


def _usage(read: int, written: int) -> Usage:
    from avstudio_core.chat import Usage

    return Usage(input=read, output=written)
