"""The cost of the ledger for a call: the reservation, handing over the settlement, and reading what is left."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import paired

from avstudio_core import Studio
from avstudio_core.chat import Account, Usage
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled

ACCOUNT = Account(project="film", task="task_1")
PRICE = 1_000
THREADS = 16


def call(studio: Studio) -> list[float]:
    """Milliseconds to ask for the room, to reserve, to hand over the settlement; then it is waited for, untimed."""
    ledger = studio.ledger
    new = NewCall("req", "chat", "openai", "gpt", ACCOUNT, PRICE)
    marks = [time.perf_counter()]
    ledger.room(ACCOUNT)
    marks.append(time.perf_counter())
    reservation = ledger.reserve(new).result()
    marks.append(time.perf_counter())
    settled = ledger.settle(reservation, Settled("ok", Usage(input=100, output=50), PRICE))
    marks.append(time.perf_counter())
    settled.result()
    return [1000 * (after - before) for before, after in pairwise(marks)]


def shown(name: str, studio: Studio, runs: int) -> None:
    timed = zip(*(call(studio) for _ in range(runs)), strict=True)
    for what, values in zip(("room", "reserve", "settle, handed over"), timed, strict=True):
        p50, p99 = paired.quantile(values, 0.5), paired.quantile(values, 0.99)
        print(f"{name}: {what}: p50 {p50:.3f} ms, p99 {p99:.3f} ms of {runs}", flush=True)


def rate(work: Callable[[int], object], runs: int) -> float:
    with ThreadPoolExecutor(THREADS) as threads:
        return runs / paired.timed(lambda: list(threads.map(work, range(runs))))


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "sqlalchemy")
    runs = 200 if arguments.quick else 2000
    with tempfile.TemporaryDirectory() as home, Studio(home=home, plugins="", executor="inline") as studio:
        shown("no budget", studio, runs)
        for scope, period in (("global", "month"), ("project:*", "day"), ("task:*", "total")):
            studio.ledger.set_budget(scope, period, 10**12)
        shown("three budgets", studio, runs)
        print(f"three budgets, {THREADS} threads: {rate(lambda _: call(studio), runs):.0f} calls a second")
        assert studio.ledger.rebuild() == []


if __name__ == "__main__":
    main()
