"""Threads, processes and sudden deaths against one budget (R15)."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from avstudio_core import Studio
from avstudio_core.answers import ChatAnswer
from avstudio_core.chat import Account, Reply, Usage
from avstudio_core.errors import OverBudget
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_core.storage.tables import api_calls, reservations
from avstudio_core.testing import scripted

PRICE = 1_000
CALLER = """
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from avstudio_core import Studio
from avstudio_core.chat import Account, Usage
from avstudio_core.errors import OverBudget
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled

home, calls, settling = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "settling"
studio = Studio(home=home, executor="inline", plugins="")

def call(number):
    new = NewCall(f"req_{number}", "chat", "openai", "gpt", Account(project="film"), 1_000)
    try:
        reservation = studio.ledger.reserve(new).result()
    except OverBudget:
        return False
    os.write(1, b"granted\\n")
    if settling:
        studio.ledger.settle(reservation, Settled("ok", Usage(input=1, output=1), 1_000)).result()
    return True

print("ready", flush=True)
sys.stdin.read(1)
with ThreadPoolExecutor(16) as threads:
    print("passed", sum(threads.map(call, range(calls))), flush=True)
if settling:
    studio.close()
else:
    sys.stdin.read()  # holds what it has reserved until it is killed
"""


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(home=tmp_path / "home", executor="inline", plugins="") as made:
        made.ledger.set_budget("global", "total", 100 * PRICE)
        made.ledger.set_budget("project:film", "total", 1_000 * PRICE)
        yield made


Start = Callable[[int, str], "subprocess.Popen[str]"]


@pytest.fixture
def start(studio: Studio) -> Iterator[Start]:
    """Processes that are ready to make so many calls, and then either settle them or hold what they reserved."""
    started: list[subprocess.Popen[str]] = []

    def make(calls: int, how: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CALLER, str(studio.settings.home), str(calls), how]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert line_of(started[-1]) == "ready"
        return started[-1]

    yield make
    for process in started:
        if process.returncode is None:
            kill(process)


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def outcomes(studio: Studio) -> Counter[str]:
    with studio.ledger._database.read() as connection:
        found = Counter(connection.execute(select(api_calls.c.outcome)).scalars())
        found["held"] = connection.execute(select(func.count()).select_from(reservations)).scalar_one()
    return found


def test_of_a_thousand_threads_calls_exactly_a_hundred_pass(studio: Studio) -> None:
    def call(number: int) -> bool:
        new = NewCall(f"req_{number}", "chat", "openai", "gpt", Account(), PRICE)
        try:
            reservation = studio.ledger.reserve(new).result(60)
        except OverBudget:
            return False
        studio.ledger.settle(reservation, Settled("ok", Usage(input=1), PRICE)).result(60)
        return True

    with ThreadPoolExecutor(64) as threads:
        assert sum(threads.map(call, range(1000))) == 100
    assert outcomes(studio) == Counter(ok=100, held=0)
    assert studio.ledger.room(Account()) == 0
    assert studio.ledger.rebuild() == []


MODELS = """
[backends.cloud]
kind = "scripted"
local = false
[prices."cloud/one"]
output = 100
"""


def test_of_a_thousand_questions_exactly_a_hundred_are_answered(tmp_path: Path) -> None:
    """The whole way of a request, on one event loop and on threads; a price for what is written, so that it is known."""
    (tmp_path / "models.toml").write_text(MODELS)
    with Studio(add=[scripted], home=tmp_path, executor="inline", plugins="") as studio:
        backend = studio.llm._gateway.backends.find("cloud").backend
        assert isinstance(backend, scripted.Scripted)
        backend.says = [Reply("Yes.", usage=Usage(input=3, output=10))]
        studio.ledger.set_budget("global", "day", 100 * 10 * 100)
        options: dict[str, Any] = {"model": "cloud/one", "max_tokens": 10}

        async def ask_all() -> list[ChatAnswer | BaseException]:
            return await asyncio.gather(*(studio.achat("?", **options) for _ in range(500)), return_exceptions=True)

        def ask(number: int) -> ChatAnswer | BaseException:
            try:
                return studio.chat("?", **options)
            except OverBudget as error:
                return error

        with ThreadPoolExecutor(17) as threads:
            loop = threads.submit(asyncio.run, ask_all())
            said = [*threads.map(ask, range(500)), *loop.result(280)]
        assert Counter(map(type, said)) == {ChatAnswer: 100, OverBudget: 900}
        assert len(backend.heard) == 100
        assert studio.ledger.rebuild() == []
        assert studio.ledger.room(Account()) == 0


def test_of_a_thousand_calls_of_processes_that_die_exactly_a_hundred_pass(studio: Studio, start: Start) -> None:
    victims = [start(45, "holding") for _ in range(2)]
    others = [start(calls, "settling") for calls in (304, 303, 303)]
    for victim in victims:
        begin(victim)
    for victim in victims:
        assert line_of(victim) == "granted"
    for process in others:
        begin(process)
    for victim in victims:  # in the midst of its calls, and of theirs
        kill(victim)
    for process in others:
        process.communicate(timeout=280)
        assert process.returncode == 0
    assert outcomes(studio)["held"] > 0
    studio.ledger.reap(studio._presence.dead())
    found = outcomes(studio)
    assert (found["ok"] + found["lost"], found["held"]) == (100, 0)
    assert found["ok"] > 0
    assert {one.scope: (one.spent_micro, one.reserved_micro) for one in studio.ledger.budgets()} == {
        "global": (100 * PRICE, 0),
        "project:film": (100 * PRICE, 0),
    }
    assert studio.ledger.rebuild() == []
    assert sum(line.cost_micro for line in studio.ledger.spending("day")) == 100 * PRICE


def test_what_a_killed_process_had_reserved_is_spent_when_the_next_studio_opens(studio: Studio, start: Start) -> None:
    process = start(30, "holding")
    begin(process)
    assert [line_of(process) for _ in range(31)][-1] == "passed 30"
    kill(process)
    assert outcomes(studio) == Counter(held=30)
    with Studio(home=studio.settings.home, executor="inline", plugins=""):
        assert outcomes(studio) == Counter(lost=30, held=0)
    assert [(line.calls, line.lost) for line in studio.ledger.spending("day")] == [(30, 30)]
    assert studio.ledger.room(Account()) == 70 * PRICE


def test_a_studio_that_runs_tasks_finds_what_others_leave(studio: Studio, start: Start) -> None:
    studio.start()
    process = start(10, "holding")
    begin(process)
    assert [line_of(process) for _ in range(11)][-1] == "passed 10"
    kill(process)
    while outcomes(studio)["held"]:  # the suite's limit of time ends it
        time.sleep(0.05)
    assert outcomes(studio) == Counter(lost=10, held=0)


ASKER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from avstudio_core import Studio
from avstudio_core.testing import scripted

studio = Studio(add=[scripted], home=sys.argv[1], executor="inline", plugins="")

def answer(request):
    print("asked", flush=True)
    return [600.0, "too late"]

studio.llm._gateway.backends.find("cloud").backend.says = [answer]
with ThreadPoolExecutor(13) as threads:
    list(threads.map(lambda number: studio.chat("?", model="cloud/one", max_tokens=10), range(13)))
"""


def test_every_chat_that_is_open_when_its_process_is_killed_counts_with_the_most_it_could_cost(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(MODELS)
    command = [sys.executable, "-c", ASKER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert [line_of(process) for _ in range(13)] == ["asked"] * 13
        kill(process)
    with Studio(home=tmp_path, executor="inline", plugins="") as studio:
        [day] = studio.ledger.spending("day")
        assert (day.calls, day.lost, day.cost_micro) == (13, 13, 13 * 10 * 100)
