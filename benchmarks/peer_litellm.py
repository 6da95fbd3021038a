"""LiteLLM's SDK beside the bare client of its own environment: `python peer_litellm.py URL RUNS` prints milliseconds.

Run by `gateway.py --litellm PYTHON`, with the interpreter of an environment that has LiteLLM.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

MESSAGES: Any = [{"role": "user", "content": "Say something of sixty-four words."}]


async def main(url: str, runs: int) -> None:
    import litellm
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)

    async def bare() -> float:
        began = time.perf_counter()
        await client.chat.completions.create(model="mock", messages=MESSAGES, max_tokens=100)
        return time.perf_counter() - began

    async def peer() -> float:
        began = time.perf_counter()
        await litellm.acompletion(
            model="openai/mock", messages=MESSAGES, max_tokens=100, api_base=url, api_key="none", num_retries=0
        )
        return time.perf_counter() - began

    for _ in range(20):
        await bare()
        await peer()
    added = []
    for _ in range(runs):
        theirs = await bare()
        added.append(await peer() - theirs)
    print(1000 * statistics.median(added))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
