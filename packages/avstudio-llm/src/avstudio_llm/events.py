"""Server-sent events of language model servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

DONE = "[DONE]"
DRAIN_SECONDS = 0.5
"""How long to wait for the end of a completed stream, so that its connection can be reused."""


async def data_of(response: httpx2.Response) -> AsyncIterator[str]:
    """The data of each event, `[DONE]` as the last one; events without data are skipped."""
    import httpx2

    response.headers["content-type"] = "text/event-stream"  # some servers send another type
    response.encoding = "utf-8-sig"  # whatever the header says; a byte-order mark is not part of the first line
    events = aiter(httpx2.EventSource(response))
    async for event in events:
        if not event.data.strip():
            continue
        yield event.data
        if event.data.startswith(DONE):
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    async for _ in events:
                        pass
            return


def is_json(response: httpx2.Response) -> bool:
    """Whether a server sent JSON instead of the requested stream; usually it is an error."""
    media_type: str = response.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower() == "application/json"
