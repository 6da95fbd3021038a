"""P10 by HTTP: from the POST of a job that does nothing to its `task.completed` on a WebSocket that is open.

The client is another process with one connection of each kind, so every answer is noticed at once.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time

import paired
from latency import shown, syncs
from served import Served, served


async def latencies(server: Served, runs: int) -> tuple[list[float], list[float]]:
    """Milliseconds until the answer, and until the event."""
    from http_client import request
    from websockets.asyncio.client import connect

    sent = request("POST", "/api/v1/bench/nothing", server.port, "{}", **server.headers)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    stream = f"ws://127.0.0.1:{server.port}/api/v1/stream?types=task.completed"
    answered, completed = list[float](), list[float]()
    async with connect(stream, additional_headers=server.headers, proxy=None, compression=None) as events:
        for _ in range(runs):
            began = time.perf_counter()
            writer.write(sent)
            answer = asyncio.ensure_future(_answer(reader, began))
            event = json.loads(await events.recv())
            completed.append(1000 * (time.perf_counter() - began))
            seconds, task = await answer
            assert event["subject"] == task
            answered.append(1000 * seconds)
    writer.close()
    return answered, completed


async def _answer(reader: asyncio.StreamReader, began: float) -> tuple[float, str]:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 202"), head
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    return time.perf_counter() - began, json.loads(body)["id"]


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "avstudio-server", "fastapi", "uvicorn")
    runs = 200 if arguments.quick else 2000
    shown("one sync of this disk", syncs(runs))
    for executor in ("inline", "local"):
        with tempfile.TemporaryDirectory() as home, served(home, executor=executor) as server:
            asyncio.run(latencies(server, 30))
            busy = server.busy()
            answered, completed = asyncio.run(latencies(server, runs))
            busy = server.busy() - busy
        shown(f"{executor}: POST to its answer", answered)
        shown(f"{executor}: POST to task.completed", completed, "  (aim: p50 8, p99 60)")
        print(f"    the server used {1000 * busy / runs:.2f} ms of a core for each")


if __name__ == "__main__":
    main()
