"""P13: events to thousands of WebSockets: none lost, in order, beside `websockets.broadcast` of a bare server.

The clients are one process that reads frames and nothing else; the servers are processes of their own, in turns. Each
event has its number and the time at which it was published.
"""

from __future__ import annotations

import asyncio
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import paired
from served import Served, served

EVENTS = 20
PAUSE_SECONDS = 60.0
"""How long the clients wait for the last event."""


class Subscriber(asyncio.Protocol):
    """A WebSocket that reads text frames and answers pings; `heard` gets each message with the time of its arrival."""

    def __init__(self, request: bytes, opened: asyncio.Future[None], heard: Callable[[bytes, float], None]) -> None:
        self._request = request
        self._opened = opened
        self._heard = heard
        self._data = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self._data += data
        if not self._opened.done():
            head, end, self._data = self._data.partition(b"\r\n\r\n")
            if not end:
                self._data = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._opened.set_result(None)
        while (frame := _frame(self._data)) is not None:
            kind, payload, self._data = frame
            if kind == 9 and self._transport is not None:  # a ping, which a server waits to be answered
                self._transport.write(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
            if kind == 1:
                self._heard(payload, now)


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The kind and the payload of the first frame, and what follows it; a server does not mask."""
    if len(data) < 2:
        return None
    length, start = data[1], 2
    if length == 126:
        length, start = (struct.unpack_from(">H", data, 2)[0] if len(data) >= 4 else 1 << 16), 4
    if len(data) < start + length:
        return None
    return data[0] & 15, data[start : start + length], data[start + length :]


@dataclass
class Heard:
    """What all clients have received."""

    seconds: list[float] = field(default_factory=list)
    numbers: list[list[int]] = field(default_factory=list)

    def listener(self) -> Callable[[bytes, float], None]:
        mine: list[int] = []
        self.numbers.append(mine)

        def heard(payload: bytes, now: float) -> None:
            event = json.loads(payload)
            if (data := event.get("data")) is not None:
                mine.append(data["metadata"]["number"])
                self.seconds.append(now - data["metadata"]["sent"])

        return heard

    @property
    def lost(self) -> int:
        return sum(EVENTS - len(set(one)) for one in self.numbers)

    @property
    def disordered(self) -> int:
        return sum(one != sorted(set(one)) for one in self.numbers)


async def subscribe(
    port: int, path: str, headers: dict[str, str], clients: int
) -> tuple[Heard, list[asyncio.Transport]]:
    """Open so many WebSockets, 50 at a time."""
    loop, heard, open_now = asyncio.get_running_loop(), Heard(), asyncio.Semaphore(50)
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: Upgrade", "Upgrade: websocket"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    request = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()

    async def one() -> asyncio.Transport:
        async with open_now:
            opened = loop.create_future()
            made, _ = await loop.create_connection(
                lambda: Subscriber(request, opened, heard.listener()), "127.0.0.1", port
            )
            await asyncio.wait_for(opened, 60)
            return made

    return heard, await asyncio.gather(*(one() for _ in range(clients)))


@dataclass(frozen=True)
class Round:
    """What a round measured."""

    p50: float
    p99: float
    lost: int
    disordered: int
    kilobytes: float
    """Of the server's memory for each connection."""
    opening: float


async def measure(server: Served, path: str, clients: int) -> Round:
    before, began = server.memory(), time.perf_counter()
    heard, sockets = await subscribe(server.port, path, server.headers, clients)
    opening, kilobytes = time.perf_counter() - began, (server.memory() - before) / clients / 1024
    await asyncio.sleep(1.0)
    await asyncio.to_thread(server.publish, EVENTS)
    end = time.monotonic() + PAUSE_SECONDS
    while len(heard.seconds) < EVENTS * clients and time.monotonic() < end:
        await asyncio.sleep(0.1)
    for one in sockets:
        one.abort()
    p50, p99 = (1000 * paired.quantile(heard.seconds, part) for part in (0.5, 0.99))
    return Round(p50, p99, heard.lost, heard.disordered, kilobytes, opening)


@contextmanager
def bare() -> Iterator[Served]:
    """A server with `websockets.broadcast`."""
    command = [sys.executable, __file__, "--bare"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Served(int(process.stdout.readline()), "none", process)
        process.stdin.close()


async def serve_bare() -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    listeners: set[ServerConnection] = set()

    async def listen(socket: ServerConnection) -> None:
        listeners.add(socket)
        try:
            await socket.wait_closed()
        finally:
            listeners.discard(socket)

    async with serve(listen, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            for number in range(int(line) if line.strip().isdigit() else 0):
                data = {"agent": "b", "message": "", "metadata": {"number": number, "sent": time.time()}}
                event = {"seq": number, "time": time.time(), "type": "agent.message", "subject": "fanout", "data": data}
                broadcast(listeners, json.dumps(event))
                await asyncio.sleep(0)
            print(time.process_time(), flush=True)


def round_of(start: Callable[[], object], path: str, clients: int) -> Round:
    with start() as server:  # type: ignore[attr-defined]
        return asyncio.run(measure(server, path, clients))


def ours() -> object:
    home = tempfile.mkdtemp()
    return served(home)


def main() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if sys.argv[1:] == ["--bare"]:
        asyncio.run(serve_bare())
        return
    arguments = paired.arguments(__doc__, clients="how many, instead of 1,000 and 10,000")
    paired.headline("avstudio-core", "avstudio-server", "uvicorn", "websockets")
    for clients in [int(arguments.clients)] if arguments.clients else [1000] if arguments.quick else [1000, 10_000]:
        show(clients, 3 if arguments.quick else 10)


def show(clients: int, pairs: int) -> None:
    rounds: tuple[list[Round], list[Round]] = ([], [])

    def measured(side: int) -> float:
        start, path = ((ours, "/api/v1/stream"), (bare, "/"))[side]
        made = round_of(start, path, clients)
        rounds[side].append(made)
        return made.p99

    first, second = paired.interleaved(lambda: measured(0), lambda: measured(1), pairs)
    print(f"{clients} clients, {EVENTS} events: p99 {paired.ratio(first, second)} of bare  (aim 1.2)")
    for name, side in zip(("AV-Studio", "bare"), rounds, strict=True):
        middle = sorted(side, key=lambda one: one.p99)[len(side) // 2]
        lost, disordered = sum(one.lost for one in side), sum(one.disordered for one in side)
        print(
            f"    {name}: p50 {middle.p50:.0f} ms, p99 {middle.p99:.0f} ms; lost {lost}, out of order {disordered}; "
            f"{middle.kilobytes:.1f} KiB a connection; opened in {middle.opening:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
