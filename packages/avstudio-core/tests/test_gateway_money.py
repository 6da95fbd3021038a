"""No sequence of prices, rules, answers, failures and cancellations overspends, or leaks a reservation."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import func, select

from avstudio_core import Studio
from avstudio_core.chat import Account, ChatRequest, Delta, Message, Reply, Usage, Wishes
from avstudio_core.errors import AVStudioError, BadAnswer, CredentialsRefused, OverBudget, RateLimited, RequestRefused
from avstudio_core.storage.sqlite.schema import open_database
from avstudio_core.storage.tables import api_calls, cost_records, reservations
from avstudio_core.testing import scripted
from avstudio_core.testing.scripted import Said, Scripted

BACKENDS = ("near", "dear", "cheap", "dark")
MODELS = """
[backends.near]
kind = "scripted"
[backends.dear]
kind = "scripted"
local = false
[backends.cheap]
kind = "scripted"
local = false
[backends.dark]
kind = "scripted"
local = false
[models."dear/one"]
quality = 0.95
[models."near/one"]
quality = 0.3
[prices."dear/one"]
input = {}
output = {}
[prices."cheap/one"]
input = 0.1
output = {}
"""
PRICE = st.sampled_from(["0.37", "3", "75.5", "1000"])
LONGEST = 40
USAGE = st.builds(Usage, input=st.integers(1, 60), output=st.integers(0, LONGEST))
WORDS = st.lists(st.just("word "), min_size=1, max_size=4)
FAILURE = st.sampled_from(
    [
        RateLimited("Slower, please.", retry_after=0.0),
        CredentialsRefused("No."),
        RequestRefused("Never."),
        BadAnswer("What?"),
        RuntimeError("a defect of the backend"),
    ]
)
SAID: st.SearchStrategy[Said] = st.one_of(
    st.builds(lambda usage: Reply(text="Yes.", usage=usage), USAGE),
    WORDS,
    st.builds(lambda words, usage: [*words, Delta(finish="stop", usage=usage)], WORDS, USAGE),
    FAILURE,
    st.builds(lambda words, failure: [*words, failure], WORDS, FAILURE),
    st.builds(lambda words: [*words, 30.0], WORDS),
)


@dataclass(frozen=True)
class Deed:
    """Somebody asks, and waits for the end, or for some words, or for a while."""

    request: ChatRequest
    words: int | None
    patience: float


REQUEST = st.builds(
    ChatRequest,
    messages=st.just((Message(role="user", content="What do you say to this, and why do you say so?"),)),
    model=st.sampled_from(["auto", "auto", "dear/one", "cheap/one", "dark/one"]),
    max_tokens=st.integers(10, LONGEST),
    timeout=st.sampled_from([0.02, 5.0]),
    wishes=st.builds(
        Wishes, require_quality=st.sampled_from([0.0, 0.95]), require_local=st.booleans(), allow_unpriced=st.booleans()
    ),
    account=st.builds(Account, project=st.sampled_from(["film", "song"]), agent=st.sampled_from([None, "cutter"])),
)
DEEDS = st.lists(
    st.builds(Deed, REQUEST, st.none() | st.integers(0, 2), st.sampled_from([0.0, 0.001, 0.01, 0.2])), max_size=12
)
LIMITS = st.dictionaries(
    st.tuples(st.sampled_from(["global", "project:film", "agent:*"]), st.sampled_from(["day", "total"])),
    st.integers(0, 60_000),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with its database, to copy: making one takes longer than an example."""
    home = tmp_path_factory.mktemp("template")
    open_database(home).close()
    return home


@contextmanager
def opened(template: Path, prices: tuple[str, str, str]) -> Iterator[Studio]:
    with tempfile.TemporaryDirectory() as home:
        shutil.copytree(template, home, dirs_exist_ok=True)
        (Path(home) / "models.toml").write_text(MODELS.format(*prices))
        with Studio(add=[scripted], home=home, executor="inline", plugins="") as studio:
            yield studio


def within(said: Said, request: ChatRequest) -> Said:
    """What a backend says that writes no more than it may."""
    most = request.max_tokens or LONGEST
    if isinstance(said, Reply):
        return replace(said, usage=least(said.usage, most))
    if isinstance(said, str | BaseException):
        return said
    return [replace(one, usage=least(one.usage, most)) if isinstance(one, Delta) else one for one in said]


def least(usage: Usage | None, most: int) -> Usage | None:
    return usage and usage.model_copy(update={"output": min(usage.output, most)})


async def do(studio: Studio, deed: Deed) -> None:
    """Whatever comes of it."""
    with suppress(AVStudioError, RuntimeError, TimeoutError):
        async with asyncio.timeout(deed.patience):
            if deed.words is None:
                await studio.achat(deed.request)
                return
            heard = 0
            async for _ in studio.stream(deed.request):
                heard += 1
                if heard > deed.words:
                    return


async def do_all(studio: Studio, deeds: list[Deed]) -> None:
    await asyncio.gather(*(do(studio, deed) for deed in deeds))


@given(
    prices=st.tuples(PRICE, PRICE, PRICE),
    limits=LIMITS,
    deeds=DEEDS,
    said=st.fixed_dictionaries({name: st.lists(SAID, min_size=1, max_size=4) for name in BACKENDS}),
)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_money_is_safe(
    template: Path,
    prices: tuple[str, str, str],
    limits: dict[tuple[str, str], int],
    deeds: list[Deed],
    said: dict[str, list[Said]],
) -> None:
    with opened(template, prices) as studio:
        for (scope, period), limit in limits.items():
            studio.ledger.set_budget(scope, period, limit)
        backends = [studio.llm._gateway.backends.find(name).backend for name in BACKENDS]
        for backend in backends:
            assert isinstance(backend, Scripted)
            backend.says = [partial(within, one) for one in said[backend.config.name]]
        asyncio.run(do_all(studio, deeds))
        for _ in range(2):  # writes, so they come after every settlement, and after those of what nobody waited for
            assert studio.ledger.rebuild() == []
        with studio._database.read() as connection:
            held = connection.execute(select(func.count()).select_from(reservations)).scalar_one()
            calls = connection.execute(select(func.count()).select_from(api_calls)).scalar_one()
            spent = connection.execute(select(func.coalesce(func.sum(cost_records.c.cost_micro), 0))).scalar_one()
        assert held == 0
        assert calls >= sum(len(backend.heard) for backend in backends if isinstance(backend, Scripted))
        for standing in studio.ledger.budgets():
            assert standing.reserved_micro == 0
            assert standing.rules_each or standing.spent_micro <= standing.limit_micro
        assert all(spent <= limit for (scope, _), limit in limits.items() if scope == "global")


def test_a_backend_that_writes_more_than_it_may_is_booked_and_closes_the_budget(template: Path) -> None:
    with opened(template, ("1", "3", "1000")) as studio:
        studio.ledger.set_budget("global", "day", 50_000)
        cheap = studio.llm._gateway.backends.find("cheap").backend
        assert isinstance(cheap, Scripted)
        cheap.says = [Reply(text="Yes.", usage=Usage(input=10, output=70))]
        request = ChatRequest(messages=(Message(role="user", content="Yes?"),), model="cheap/one", max_tokens=10)
        studio.chat(request)
        assert [(one.spent_micro, one.reserved_micro) for one in studio.ledger.budgets()] == [(70_001, 0)]
        with pytest.raises(OverBudget, match="global"):
            studio.chat(request)
        assert len(cheap.heard) == 1
