"""A client that costs little: prepared requests over connections that stay open."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a round measured."""

    per_second: float
    seconds: list[float]
    """The time of each request."""


def request(method: str, path: str, port: int, body: str = "", **headers: str) -> bytes:
    """A request as bytes; a header's `_` stands for `-`."""
    given = {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(body.encode()))} | (
        {"Content-Type": "application/json"} if body else {}
    )
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in (given | headers).items()]
    return "\r\n".join([*lines, "", body]).encode()


async def load(port: int, sent: bytes, requests: int, connections: int, status: int) -> Load:
    """Send a request so often, from so many connections at once."""
    left, seconds = iter(range(requests)), list[float]()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            began = time.perf_counter()
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d" % status), head
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            seconds.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(connections)))
    return Load(requests / (time.perf_counter() - began), seconds)
