"""Local models that calls share; the models are bytes in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from avstudio_core import Needs, Studio
from avstudio_core.errors import BackendDown, NotEnoughMemory
from avstudio_core.testing import until
from avstudio_llm.residents import Gone, Resident


class Bytes(Resident):
    """A model of some bytes, which says when it is used without being there."""

    def __init__(self, studio: Studio, name: str, memory_mb: int = 400) -> None:
        super().__init__(studio.llm._gateway, name)
        self.needs = Needs(family="bytes", model=name, memory_mb=memory_mb)
        self.loads = 0
        self.held: bytearray | None = None
        self.fails = False

    def load(self, gone: Gone) -> None:
        if self.fails:
            raise BackendDown("It cannot be loaded.")
        self.loads += 1
        self.held = bytearray(16)

    def free(self) -> bool:
        self.held = None
        return True

    def alive(self) -> bool:
        return self.held is not None

    async def use(self, seconds: float = 0.0) -> None:
        async with self.used(self.needs):
            assert self.held is not None
            await asyncio.sleep(seconds)
            assert self.held is not None, "it was freed while it was used"


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(home=tmp_path / "home", plugins="", memory_mb=1000) as made:
        yield made


def lanes(studio: Studio) -> list[str]:
    return [model.lane for model in studio.pool.loaded()]


def test_a_hundred_first_calls_load_it_once(studio: Studio) -> None:
    model = Bytes(studio, "a")

    async def rush() -> None:
        await asyncio.gather(*(model.use() for _ in range(100)))

    asyncio.run(rush())
    assert (model.loads, lanes(studio)) == (1, ["a"])
    model.close()
    assert (model.held, lanes(studio)) == (None, [])


def test_one_in_use_is_not_evicted_and_an_idle_one_is(studio: Studio) -> None:
    model = Bytes(studio, "a")

    async def hold() -> bool:
        async with model.used(model.needs):
            return model.evict()

    assert not asyncio.run(hold())
    assert model.evict()
    assert not model.evict()
    assert lanes(studio) == []


def test_one_that_cannot_be_loaded_leaves_no_trace(studio: Studio) -> None:
    model = Bytes(studio, "a")
    model.fails = True
    with pytest.raises(BackendDown):
        asyncio.run(model.use())
    assert lanes(studio) == []
    model.fails = False
    asyncio.run(model.use())
    assert lanes(studio) == ["a"]


def test_one_that_never_fits_is_refused(studio: Studio) -> None:
    with pytest.raises(NotEnoughMemory, match="needs 1001 MB"):
        asyncio.run(Bytes(studio, "a", 1001).use())


def test_one_that_dies_is_forgotten_and_loaded_anew(studio: Studio) -> None:
    model = Bytes(studio, "a")
    asyncio.run(model.use())
    model.held = None
    asyncio.run(model.use())
    assert (model.loads, lanes(studio)) == (2, ["a"])


def test_one_that_no_one_uses_leaves(tmp_path: Path) -> None:
    with Studio(home=tmp_path / "home", plugins="", idle_seconds=0.05) as studio:
        model = Bytes(studio, "a")
        asyncio.run(model.use(0.2))
        assert model.loads == 1
        until(lambda: lanes(studio) == [])
        assert model.held is None


class Wanted(Bytes):
    """A model that is used once more in the moment in which it would leave."""

    asked = 0

    def evict(self) -> bool:
        self.asked += 1
        if self.asked > 1:
            return super().evict()
        asyncio.run(self.use())
        return False


def test_one_that_is_used_in_the_moment_in_which_it_would_leave_leaves_later(tmp_path: Path) -> None:
    with Studio(home=tmp_path / "home", plugins="", idle_seconds=0.05) as studio:
        model = Wanted(studio, "a")
        asyncio.run(model.use())
        until(lambda: lanes(studio) == [])
        assert model.asked == 2


def test_closing_gives_up_those_that_wait(studio: Studio) -> None:
    studio.pool.admit("elsewhere", Needs(model="elsewhere", memory_mb=900), lambda: False, lambda: False)
    model = Bytes(studio, "a")
    failures: list[BaseException] = []

    def wait() -> None:
        try:
            asyncio.run(model.use())
        except BackendDown as error:
            failures.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    until(studio.pool.waiting)
    model.close()
    thread.join(20)
    assert ["the studio is closing" in str(failure) for failure in failures] == [True]
    assert lanes(studio) == ["elsewhere"]


requests = st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.001, 0.01]), st.booleans())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(traces=st.lists(st.lists(requests, max_size=8), min_size=1, max_size=4))
def test_no_trace_ends_in_a_deadlock(studio: Studio, traces: list[list[tuple[int, float, bool]]]) -> None:
    """Four models of which two fit; calls on several loops, some of which are given up."""
    models = [Bytes(studio, f"model {number}") for number in range(4)]

    async def work(trace: list[tuple[int, float, bool]]) -> None:
        calls = [asyncio.create_task(models[number].use(seconds)) for number, seconds, _ in trace]
        await asyncio.sleep(0.001)
        for call, (_, _, given_up) in zip(calls, trace, strict=True):
            if given_up:
                call.cancel()
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome

    failures: list[BaseException] = []

    def run(trace: list[tuple[int, float, bool]]) -> None:
        try:
            asyncio.run(work(trace))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=partial(run, trace), daemon=True) for trace in traces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a deadlock"
    assert failures == []
    assert sum(model.memory_mb for model in studio.pool.loaded()) <= 1000
    until(lambda: not studio.pool.waiting())
    for model in models:
        model.close()
    assert lanes(studio) == []
