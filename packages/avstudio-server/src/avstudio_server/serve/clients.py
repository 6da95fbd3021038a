"""Clients that take too long with a request, and requests whose headers are too large: their connections are closed."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from avstudio_server.http.admissions import CUT

WAIT_SECONDS = 20.0
"""How long the headers of a request may take in all, and how long a body may pause."""
MOST_HEAD_BYTES = 64 * 1024
MOST_HEADERS = 128
RESERVED_FILES = 512
"""The open files that connections leave to everything else."""
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s"
)
BODY = (
    b'{"type":"about:blank","title":"Request Header Fields Too Large","status":431,"code":"headers_too_large",'
    b'"detail":"The headers are too large.","hint":"Send fewer or shorter headers."}'
)


class Clients:
    """The connections whose client has to send something, those that wait longest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since: dict[Client, float] = {}

    def expect(self, client: Client, now: float) -> None:
        """Wait for a client from now on; if too many are waited for, close the one that waits longest."""
        self._since.pop(client, None)
        if len(self._since) >= self._most:
            self._close(next(iter(self._since)))
        self._since[client] = now

    def forget(self, client: Client) -> None:
        self._since.pop(client, None)

    def close_late(self, now: float) -> None:
        """Close the connections of the clients that are late."""
        for client, since in [*self._since.items()]:
            if now - since < WAIT_SECONDS:
                return
            if client.flow.read_paused:  # the handler is slow, not the client
                self.expect(client, now)
            else:
                self._close(client)

    def _close(self, client: Client) -> None:
        self.forget(client)
        client.transport.abort()


class Client(HttpToolsProtocol):
    """A connection that closes if its client is late."""

    def __init__(self, clients: Clients, **given: Any) -> None:
        super().__init__(**given)
        self._clients = clients
        self._in_head = True
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._clients.expect(self, self.loop.time())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CUT: self.transport.abort}  # type: ignore[dict-item]

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(TOO_LARGE % (len(BODY), BODY))
            self.transport.close()

    def on_headers_complete(self) -> None:
        if len(self.headers) > MOST_HEADERS:
            raise ValueError("too many headers")  # the parser ends, and the client gets 400
        self._in_head = False
        self._clients.expect(self, self.loop.time())
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._clients.expect(self, self.loop.time())
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._clients.forget(self)
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._clients.forget(self)
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_head and not self.transport.is_closing():
            self._clients.expect(self, self.loop.time())


def most_waiting() -> int:
    """How many connections may wait for their clients, with as many open files as this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(64, soft - RESERVED_FILES) if soft != resource.RLIM_INFINITY else 1 << 16


@contextmanager
def more_files() -> Iterator[None]:
    """As many open files as the system allows this process, while entered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
