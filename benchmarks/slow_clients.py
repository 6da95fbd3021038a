"""R15: answers to one client while thousands of others say nothing, or a byte a second: `/health` p99 within 100 ms."""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from contextlib import suppress

import paired
from latency import shown
from served import Served, served

LIVE = "/api/v1/system/health/live"
SECONDS = 10.0
"""How long one client asks, again and again: less than a slow client may take."""
PAUSE_SECONDS = 0.01


async def asked(server: Served) -> list[float]:
    """Milliseconds until each answer."""
    from http_client import request

    sent = request("GET", LIVE, server.port, "", **server.headers)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    found, end = list[float](), time.monotonic() + SECONDS
    while time.monotonic() < end:
        began = time.perf_counter()
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        found.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(PAUSE_SECONDS)
    writer.close()
    return found


async def slow(server: Served, number: int) -> asyncio.StreamWriter:
    """A client that says nothing, the beginning of a head, or that of a body."""
    begun = f"POST /api/v1/plans HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.key}\r\n"
    said = [b"", b"GET / HTTP/1.1\r\nX-Slow: ", f"{begun}Content-Length: 100000\r\n\r\n".encode(), b""]
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(said[number % 4])
    return writer


async def drip(clients: list[asyncio.StreamWriter]) -> None:
    """One byte a second from each client that has said something."""
    while True:
        for number, one in enumerate(clients):
            if number % 4 in (1, 2):
                with suppress(OSError):
                    one.write(b"x")
            if number % 100 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(1)


async def measured(server: Served, count: int) -> None:
    shown("nobody else", await asked(server))
    clients = []
    for first in range(0, count, 100):
        clients += await asyncio.gather(*(slow(server, number) for number in range(first, min(first + 100, count))))
    dripping = asyncio.ensure_future(drip(clients))
    shown(f"{count} slow clients", await asked(server), "  (aim: p99 100)")
    print(f"    the server has {server.memory() / 2**20:.0f} MiB")
    dripping.cancel()
    for one in clients:
        one.close()


def main() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "avstudio-server", "uvicorn")
    with tempfile.TemporaryDirectory() as home, served(home) as server:
        asyncio.run(measured(server, 1000 if arguments.quick else 10_000))


if __name__ == "__main__":
    main()
