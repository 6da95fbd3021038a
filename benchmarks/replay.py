"""The cost of each of 10,000 calls is its price table times its usage, to the millionth of a dollar.

The calls go the whole way of a request: route, reservation, a backend that answers with a usage of random size,
settlement. What is then on record is compared with what `genai-prices` itself, or the arithmetic of our own table,
makes of the same usage; and the budgets' sums with the sum of them all.
"""

from __future__ import annotations

import asyncio
import math
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import genai_prices
import paired

import avstudio_llm
from avstudio_core import Studio
from avstudio_core.chat import ChatRequest, Reply, Usage
from avstudio_core.testing import scripted
from avstudio_core.testing.scripted import Scripted

LISTED = {
    "openai": ("gpt-5.5", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano"),
    "anthropic": ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"),
    "google": ("gemini-3.1-pro-preview", "gemini-3.8-flash"),
}
OURS = ("own", "tabled")
INPUT, CACHED, WRITTEN, OUTPUT = map(Decimal, ("1.37", "0.137", "1.713", "7.919"))
TOGETHER = 50
MODELS = "".join(f'[backends.{name}]\nkind = "scripted"\nlocal = false\n' for name in (*LISTED, OURS[0]))
MODELS += f'[models."{"/".join(OURS)}"]\n[prices."{"/".join(OURS)}"]\n'
MODELS += f"input = {INPUT}\ncached = {CACHED}\ncache_written = {WRITTEN}\noutput = {OUTPUT}\n"


def usages(count: int) -> Iterator[tuple[str, Usage]]:
    """Models with usages between one token and a long context, a part of it cached."""
    dice = random.Random(0)
    models = [f"{backend}/{name}" for backend, names in LISTED.items() for name in names] + ["/".join(OURS)]
    for _ in range(count):
        read = int(10 ** dice.uniform(0, 5.8))
        cached = dice.randint(0, read) if dice.random() < 0.5 else 0
        written = dice.randint(0, read - cached) if dice.random() < 0.2 else 0
        usage = Usage(input=read, output=int(10 ** dice.uniform(0, 4.5)), cached=cached, cache_written=written)
        yield dice.choice(models), usage


def price(model: str, usage: Usage) -> int:
    """Millionths of a dollar, rounded up, by another way than the product's."""
    backend, _, name = model.partition("/")
    if backend == OURS[0]:
        plain = usage.input - usage.cached - usage.cache_written
        kinds = ((plain, INPUT), (usage.cached, CACHED), (usage.cache_written, WRITTEN), (usage.output, OUTPUT))
        return math.ceil(sum(count * rate for count, rate in kinds))
    counted = genai_prices.Usage(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cached,
        cache_write_tokens=usage.cache_written,
    )
    return math.ceil(genai_prices.calc_price(counted, name, provider_id=backend).total_price * 1_000_000)


async def replay(studio: Studio, calls: list[tuple[str, Usage]]) -> dict[str, int]:
    """Make the calls; give what each cost by the id of its request, as it should be."""

    def says(request: ChatRequest) -> Reply:
        return Reply(text="Yes.", usage=calls[int(request.messages[-1].text)][1])

    for name in (*LISTED, OURS[0]):
        backend = studio.llm._gateway.backends.find(name).backend
        assert isinstance(backend, Scripted)
        backend.says = [says]
    found: dict[str, int] = {}
    for begin in range(0, len(calls), TOGETHER):
        some = range(begin, min(begin + TOGETHER, len(calls)))
        answers = await asyncio.gather(*(studio.achat(str(number), model=calls[number][0]) for number in some))
        found |= {answer.request_id: price(*calls[number]) for number, answer in zip(some, answers, strict=True)}
    return found


def recorded(home: str) -> dict[str, int]:
    """What each request cost, by the ledger's rows."""
    query = "select request_id, sum(cost_micro) from api_calls join cost_records on call_id = api_calls.id group by 1"
    connection = sqlite3.connect(Path(home) / "avstudio.db")
    try:
        return dict(connection.execute(query))
    finally:
        connection.close()


def main() -> int:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "avstudio-llm", "genai-prices")
    calls = list(usages(1_000 if arguments.quick else 10_000))
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "models.toml").write_text(MODELS, encoding="utf-8")
        with Studio(home=home, plugins="", add=[scripted, avstudio_llm]) as studio:
            studio.ledger.set_budget("global", "total", 10**15)
            began = time.perf_counter()
            expected = asyncio.run(replay(studio, calls))
            seconds = time.perf_counter() - began
            wrong = studio.ledger.rebuild()  # a write, so it comes after every settlement
            found = recorded(home)
            [budget] = studio.ledger.budgets()
    equal = sum(found.get(request) == cost for request, cost in expected.items())
    print(f"{len(calls)} calls in {seconds:.1f} s, {TOGETHER} at a time")
    share = 100 * equal / len(calls)
    print(f"cost on record = price table x usage: {equal} of {len(calls)} ({share:.2f} %)  (aim: 100 %)")
    total = sum(expected.values())
    print(f"sum of the prices: {total}, the budget's: {budget.spent_micro}, still reserved: {budget.reserved_micro}")
    right = equal == len(calls) == len(found) and budget.spent_micro == total
    return 0 if right and not budget.reserved_micro and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
