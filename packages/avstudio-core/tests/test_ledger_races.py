"""Threads, processes and sudden deaths against one budget (R15)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from avstudio_core import Studio
from avstudio_core.chat import Account, Usage
from avstudio_core.errors import OverBudget
from avstudio_core.gateway.calls import NewCall, Settled
from avstudio_core.storage.tables import api_calls, reservations

PRICE = 1_000
WORKERS = 5
VICTIMS = 2
CALLER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from avstudio_core import Studio
from avstudio_core.chat import Account, Usage
from avstudio_core.errors import OverBudget
from avstudio_core.gateway.calls import NewCall, Settled

home, calls, settling = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "settling"
studio = Studio(home=home, executor="inline", plugins="")

def call(number):
    new = NewCall(f"req_{number}", "chat", "openai", "gpt", Account(project="film"), 1_000)
    try:
        reservation = studio.ledger.reserve(new).result()
    except OverBudget:
        return False
    print("granted", flush=True)
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


def caller(studio: Studio, calls: int, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CALLER, str(studio.settings.home), str(calls), how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


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


def test_of_a_thousand_calls_of_processes_that_die_exactly_a_hundred_pass(studio: Studio) -> None:
    processes = [caller(studio, 200, "settling") for _ in range(WORKERS)]
    for process in processes:
        begin(process)
    for process in processes[:VICTIMS]:
        assert process.stdout is not None
        assert process.stdout.readline() == "granted\n"
        kill(process)
    for process in processes[VICTIMS:]:
        process.communicate(timeout=100)
        assert process.returncode == 0
    studio.ledger.reap(studio._presence.dead())
    found = outcomes(studio)
    assert (found["ok"] + found["lost"], found["held"]) == (100, 0)
    assert {one.scope: (one.spent_micro, one.reserved_micro) for one in studio.ledger.budgets()} == {
        "global": (100 * PRICE, 0),
        "project:film": (100 * PRICE, 0),
    }
    assert studio.ledger.rebuild() == []
    assert sum(line.cost_micro for line in studio.ledger.spending("day")) == 100 * PRICE


def test_what_a_killed_process_had_reserved_is_spent_when_the_next_studio_opens(studio: Studio) -> None:
    process = caller(studio, 30, "holding")
    begin(process)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(31)][-1] == "passed 30\n"
    kill(process)
    assert outcomes(studio) == Counter(held=30)
    with Studio(home=studio.settings.home, executor="inline", plugins=""):
        assert outcomes(studio) == Counter(lost=30, held=0)
    assert studio.ledger.room(Account()) == 70 * PRICE


def test_a_studio_that_runs_tasks_finds_what_others_leave(studio: Studio) -> None:
    studio.start()
    process = caller(studio, 10, "holding")
    begin(process)
    assert process.stdout is not None
    while process.stdout.readline() != "passed 10\n":
        pass
    kill(process)
    bell = studio.tasks.bell.listen([])
    while outcomes(studio)["held"]:  # the test's own limit ends it
        bell.wait(0.05)
    assert outcomes(studio) == Counter(lost=10, held=0)
