"""Clients that take too long with a request, and requests whose headers are too large: their connections are closed."""

from __future__ import annotations

import asyncio
import json
import resource
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from avstudio_server.http.admissions import CUT
from avstudio_server.http.problems import MEDIA_TYPE, problem

WAIT_SECONDS = 20.0
"""How long the headers of a request may take in all, and how long a body may pause."""
LEAST_RATE = 500.0
"""How many bytes of a body have to come in a second, after the first `WAIT_SECONDS`."""
LOOK_SECONDS = 0.25
"""How often late clients are looked for."""
MOST_HEAD_BYTES = 64 * 1024
MOST_HEADERS = 128
RESERVED_FILES = 512
"""The open files that connections leave to everything else."""
HEADERS_TOO_LARGE = (
    431,
    "headers_too_large",
    f"The address and headers have more than {MOST_HEAD_BYTES >> 10} KB, or the headers are more than {MOST_HEADERS}.",
    "Send fewer or shorter ones.",
)
TOO_SLOW = (
    408,
    "request_too_slow",
    f"The request paused for {WAIT_SECONDS:.0f} s, or came more slowly than {LEAST_RATE:.0f} bytes a second.",
    "Send it again; send large files as an upload in parts.",
)
NOT_HTTP = (400, "bad_request", "The request is not valid HTTP.", "Send HTTP/1.1.")


class Clients:
    """The connections whose client has to send something."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since: dict[Client, float] = {}
        self._looked = 0.0

    def expect(self, client: Client, now: float) -> None:
        """Wait for a client from now on; if too many are waited for, close the one that waits longest."""
        self._since.pop(client, None)
        if len(self._since) >= self._most:
            self._close(next(iter(self._since)))
        self._since[client] = now

    def received(self, client: Client, now: float, size: int) -> None:
        """Count bytes of a body: each gives its client a little more time, so that a slow one is late in the end."""
        since = self._since.get(client, now) + size / LEAST_RATE
        if since >= now:
            self.expect(client, now)
        else:
            self._since[client] = since

    def forget(self, client: Client) -> None:
        self._since.pop(client, None)

    def close_late(self, now: float) -> None:
        """Close the connections of the clients that are late."""
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        late = [client for client, since in self._since.items() if now - since >= WAIT_SECONDS]
        for client in late:
            if client.flow.read_paused:  # the handler is slow, not the client
                self.expect(client, now)
            else:
                self.forget(client)
                client.time_out()

    def _close(self, client: Client) -> None:
        self.forget(client)
        client.transport.abort()


class Client(HttpToolsProtocol):
    """A connection that closes if its client is late."""

    def __init__(self, clients: Clients, **given: Any) -> None:
        super().__init__(**given)
        self.headers = []
        self._refused = False
        self._clients = clients
        self._in_head = True
        self._head_bytes = self._header_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._clients.expect(self, self.loop.time())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        self.scope["extensions"] = {CUT: self.transport.abort}  # type: ignore[dict-item]

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MOST_HEAD_BYTES and not self._refused:
            self._refuse(*HEADERS_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        large = len(self.headers) > MOST_HEADERS or max(self._header_bytes, self._head_bytes) > MOST_HEAD_BYTES
        self._refuse(*(HEADERS_TOO_LARGE if large else NOT_HTTP))

    def time_out(self) -> None:
        """End a request that comes too slowly: with an answer, if it has begun and has none yet."""
        if self._in_head:
            begun = self._head_bytes > 0 and (self.cycle is None or self.cycle.response_complete)
        else:
            begun = not self.cycle.response_started
        if self._refused or not begun:
            self.transport.abort()
            return
        self._answer(*TOO_SLOW)
        self.transport.close()
        self.loop.call_later(WAIT_SECONDS, self.transport.abort)  # a client that reads nothing

    def _refuse(self, status: int, code: str, detail: str, hint: str) -> None:
        """Answer what is not a request, and close the connection."""
        self._answer(status, code, detail, hint)
        if self.transport.can_write_eof():
            self.transport.write_eof()  # if it were closed now, a client that still sends would lose the answer
            self._clients.expect(self, self.loop.time())
        else:
            self.transport.close()

    def _answer(self, status: int, code: str, detail: str, hint: str) -> None:
        made = problem(status, code, detail, hint=hint, request_id=f"req_{secrets.token_hex(8)}")
        body = json.dumps(made).encode()
        lines = [
            f"HTTP/1.1 {status} {made['title']}",
            f"content-type: {MEDIA_TYPE}",
            f"content-length: {len(body)}",
            f"x-request-id: {made['request_id']}",
            "x-content-type-options: nosniff",
            "connection: close",
        ]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        self._refused = True

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if len(self.headers) > MOST_HEADERS or self._header_bytes > MOST_HEAD_BYTES:
            raise ValueError("too many or too large headers")  # the parser ends, and the client is answered

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._clients.expect(self, self.loop.time())
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._clients.received(self, self.loop.time(), len(body))
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
