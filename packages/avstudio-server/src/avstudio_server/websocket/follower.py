"""One WebSocket that gets events, until they end, it leaves, or it is too slow."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress

from starlette.websockets import WebSocket

from avstudio_core import EventsLost
from avstudio_core.errors import AVStudioError, NotFound
from avstudio_server.http.guard import GOES_ON
from avstudio_server.http.streams import RequestStreams, Source
from avstudio_server.websocket.connection import EXTENSION, Connection, shared_frame, text_frame

log = logging.getLogger("avstudio.http")
HEARTBEAT_SECONDS = 15.0
"""How often a quiet socket gets a heartbeat."""
STALLED_SECONDS = 8.0
"""How long one message may wait until the client reads; then the connection is cut."""
ENDED, GOING_AWAY, REFUSED, FAILED, TRY_AGAIN = 1000, 1001, 1008, 1011, 1013
"""Codes with which a socket is closed (RFC 6455)."""
CODES = {"stream.ended": ENDED, "stream.closing": GOING_AWAY, "stream.refused": REFUSED}
"""By the type of the last message."""


class Follower:
    """Sends events to a WebSocket. What the client sends is ignored."""

    def __init__(self, socket: WebSocket, streams: RequestStreams, events: Source) -> None:
        self._streams = streams
        self._events = events
        self._connection: Connection = socket.scope["extensions"][EXTENSION]
        self._seq = 0
        self._sent = time.monotonic()
        self._waiting: float | None = None
        """Since when a message waits for the client."""

    async def follow(self, socket: WebSocket) -> None:
        """Accept the socket; events are sent until the end when its handler has returned."""
        await socket.accept()
        socket.scope["extensions"][GOES_ON] = self._run

    async def _run(self) -> None:
        with self._streams.following(self._events), self._streams.shared.watching(self):
            self._connection.only_send(left=self._events.close)
            try:
                with suppress(NotFound):  # a task that it follows was deleted
                    await self._send_all()
            except EventsLost as lost:
                await self._end("stream.lost", lost.seq, TRY_AGAIN)
            except AVStudioError as error:
                log.error("The events of a WebSocket cannot be read: %s", error)
                await self._close(FAILED)
            else:
                kind = self._streams.early_end or "stream.ended"
                await self._end(kind, self._seq, CODES[kind])

    def look(self, now: float) -> None:
        """Send a heartbeat if there are no events; cut the connection of a client that does not read."""
        if self._waiting is not None:
            if now - self._waiting > STALLED_SECONDS:
                self._connection.cut()
        elif now - self._sent >= HEARTBEAT_SECONDS:
            self._write(text_frame(self._message("stream.heartbeat", self._seq)))

    async def _send_all(self) -> None:
        async for event in self._events:
            self._write(shared_frame(self._streams.shared.written(event)))
            self._seq = event.seq
            if not self._connection.writable.is_set():
                self._waiting = time.monotonic()
                await self._connection.writable.wait()
                self._waiting = None

    def _write(self, frame: bytes) -> None:
        self._sent = time.monotonic()
        self._connection.write(frame)

    async def _end(self, kind: str, seq: int, code: int) -> None:
        """Say why no events follow, and from which number to continue; close the socket."""
        if not (self._connection.disconnected or self._connection.close_sent):
            self._write(text_frame(self._message(kind, seq)))
            self._connection.flush()
            await self._close(code)

    async def _close(self, code: int) -> None:
        await self._connection.send({"type": "websocket.close", "code": code})

    @staticmethod
    def _message(kind: str, seq: int) -> str:
        return json.dumps({"type": kind, "seq": seq, "time": time.time()})
