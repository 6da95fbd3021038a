"""The connection of a WebSocket to which events are written, beneath the layers of the application."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MOST_UNSENT = 32 * 1024
"""The bytes that wait for a client that does not read, before its events wait."""
TOGETHER = 16 * 1024
"""The bytes that are sent at once; fewer wait for the other frames of the same turn of the event loop."""
EXTENSION = "avstudio.connection"
"""The extension of a scope with its connection."""


class Writable:
    """Whether the client reads. It is smaller than an `asyncio.Event`, which thousands of sockets would have."""

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        if self._waiter is not None:
            self._waiter.set_result(None)
            self._waiter = None

    def clear(self) -> None:
        self._is_set = False

    async def wait(self) -> None:
        """Wait until the client reads."""
        if not self._is_set:
            if self._waiter is None:
                self._waiter = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiter)


class Nobody:
    """Takes the messages that nobody receives."""

    def put_nowait(self, message: object) -> None:
        """Drop a message."""


NOBODY: Any = Nobody()


class Connection(WebSocketsSansIOProtocol):
    """A WebSocket that keeps little waiting to be sent, takes frames, and can be cut off."""

    _left: Callable[[], object] | None = None
    _unsent: bytearray

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.writable: Any = Writable()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._unsent = bytearray()
        self.transport.set_write_buffer_limits(high=MOST_UNSENT)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._left is not None:
            self._left()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True  # it was refused; uvicorn logs an error for any other end

    def send_receive_event_to_app(self) -> None:
        if self._left is None:
            super().send_receive_event_to_app()
        else:
            self.frames = []

    def only_send(self, left: Callable[[], object]) -> None:
        """Ignore what the client sends from now on; call a function when the connection has ended."""
        self._left, self.queue, self.response = left, NOBODY, NOBODY
        if self.disconnected:
            left()

    def write(self, frame: bytes) -> None:
        """Send a frame soon, unless the connection has ended. If the client does not read, `writable` is not set.

        The system is called once for the frames of one turn of the event loop: a call takes longer than all the rest.
        """
        if not self._unsent:
            self.loop.call_soon(self.flush)
        self._unsent += frame
        if len(self._unsent) >= TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Send the frames that wait for others."""
        if self._unsent and not (self.disconnected or self.close_sent or self.transport.is_closing()):
            self.transport.write(bytes(self._unsent))
        self._unsent.clear()

    def cut(self) -> None:
        """End the connection without waiting for the client."""
        self.transport.abort()


def text_frame(text: str) -> bytes:
    """A text message as a server sends it (RFC 6455, 5.2): not masked, not compressed, the same for every client."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return struct.pack(">BBH", 0x81, 126, size) + payload
    return struct.pack(">BBQ", 0x81, 127, size) + payload


shared_frame = lru_cache(64)(text_frame)
"""`text_frame` of a message that many clients get."""
