"""P11: what a call through the gateway costs beside the bare client: policy, route, reservation, settlement.

Both sides ask one local server in turns, the bare `openai` client and the studio with a budget, a price and every rule
on. With `--litellm PYTHON`, an interpreter that has LiteLLM installed measures its SDK beside the same client.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paired

from avstudio_core import Studio

HERE = Path(__file__).parent
MODELS = """
[backends.mock]
kind = "openai"
base_url = "{url}"
local = false

[models."mock/mock"]
quality = 0.5

[prices."mock/mock"]
input = 1
output = 2
"""
PROMPT = "Say something of sixty-four words."


@contextmanager
def mock() -> Iterator[str]:
    """The address of a server in a process of its own."""
    with subprocess.Popen([sys.executable, str(HERE / "mock_openai.py")], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        finally:
            server.terminate()


async def measured(
    call: Callable[[], Awaitable[list[float]]], runs: int, other: Callable[[], Awaitable[list[float]]]
) -> tuple[list[list[float]], list[list[float]]]:
    """Both calls in turns; each gives the times of its pieces."""
    for _ in range(20):
        await call()
        await other()
    first: list[list[float]] = []
    second: list[list[float]] = []
    for number in range(runs):
        for side, results in ((call, first), (other, second))[:: 1 if number % 2 else -1]:
            results.append(await side())
    return first, second


def milliseconds(values: list[float], fraction: float = 0.5) -> float:
    return 1000 * paired.quantile(values, fraction)


def bare(client: Any) -> tuple[Callable[[], Awaitable[list[float]]], Callable[[], Awaitable[list[float]]]]:
    """A whole answer, and a stream: the times from the call to each piece."""
    messages: Any = [{"role": "user", "content": PROMPT}]

    async def whole() -> list[float]:
        began = time.perf_counter()
        answer = await client.chat.completions.create(model="mock", messages=messages, max_tokens=100)
        assert answer.usage.completion_tokens == 64
        return [time.perf_counter() - began]

    async def stream() -> list[float]:
        began, pieces = time.perf_counter(), []
        options = {"include_usage": True}
        async for chunk in await client.chat.completions.create(
            model="mock", messages=messages, max_tokens=100, stream=True, stream_options=options
        ):
            if chunk.choices and chunk.choices[0].delta.content:
                pieces.append(time.perf_counter() - began)
        return pieces

    return whole, stream


def through(studio: Studio) -> tuple[Callable[[], Awaitable[list[float]]], Callable[[], Awaitable[list[float]]]]:
    async def whole() -> list[float]:
        began = time.perf_counter()
        answer = await studio.achat(PROMPT, max_tokens=100)
        assert answer.cost_micro == 9 + 2 * 64
        return [time.perf_counter() - began]

    async def stream() -> list[float]:
        began = time.perf_counter()
        return [time.perf_counter() - began async for _ in studio.stream(PROMPT, max_tokens=100)]

    return whole, stream


async def compare(url: str, runs: int) -> None:
    from openai import AsyncOpenAI

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "models.toml").write_text(MODELS.format(url=url), encoding="utf-8")
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            with Studio(home=home, plugins="core,llm") as studio:
                studio.ledger.set_budget("global", "day", 10**9)
                theirs, ours = bare(client), through(studio)
                whole, direct = await measured(ours[0], runs, theirs[0])
                shown("whole answer", [one[0] for one in whole], [one[0] for one in direct], 0.6)
                streamed, direct = await measured(ours[1], runs, theirs[1])
                shown("first token", [one[0] for one in streamed], [one[0] for one in direct], 1.0)
                per_chunk = [(one[-1] - one[0]) / 63 for one in streamed]
                bare_chunk = [(one[-1] - one[0]) / 63 for one in direct]
                added = 1000 * (milliseconds(per_chunk) - milliseconds(bare_chunk))
                print(f"each chunk: +{added:.0f} µs  (aim 50)")


def shown(name: str, ours: list[float], theirs: list[float], aim: float) -> None:
    added = [one - other for one, other in zip(ours, theirs, strict=True)]
    print(
        f"{name}: bare {milliseconds(theirs):.2f} ms, gateway {milliseconds(ours):.2f} ms; "
        f"added p50 {milliseconds(added):.2f} ms, p95 {milliseconds(added, 0.95):.2f} ms of {len(ours)}  (aim {aim})",
        flush=True,
    )


def litellm(python: str, url: str, runs: int) -> None:
    """What LiteLLM's SDK adds, in its own environment, to the same server."""
    peer = [python, str(HERE / "peer_litellm.py"), url, str(runs)]
    done = subprocess.run(peer, capture_output=True, text=True, check=True)
    print(f"LiteLLM's SDK, whole answer: added p50 {float(done.stdout.split()[-1]):.2f} ms of {runs}")


def main() -> None:
    arguments = paired.arguments(__doc__, litellm="an interpreter that has LiteLLM")
    paired.headline("avstudio-core", "avstudio-llm", "openai")
    runs = 100 if arguments.quick else 1000
    with mock() as url:
        asyncio.run(compare(url, runs))
        if arguments.litellm:
            litellm(arguments.litellm, url, runs)


if __name__ == "__main__":
    main()
