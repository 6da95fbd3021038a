"""A stored file as an answer: whole, or the parts that were asked for."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
from collections.abc import Iterator
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from avstudio_core.errors import CorruptFile
from avstudio_server.http.conditions import NONE, check_match, is_known
from avstudio_server.http.ranges import Range, ranges

BLOCK = 1 << 18
"""How many bytes are read and sent at a time."""
FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""How a stored file is opened: not another file that a link names, and without waiting for a writer of a FIFO."""


class FileAnswer(Response):
    """The content of a file that does not change while it is sent; `headers` have its `ETag` and type."""

    def __init__(self, path: Path, headers: dict[str, str]) -> None:
        self.path = path
        self.status_code = 200
        self.background = None
        self.body = b""
        self._given = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            file = await asyncio.to_thread(os.open, self.path, FLAGS)
        except OSError:
            raise _missing() from None
        try:
            await self._answer(file, scope, receive, send)
        finally:
            os.close(file)

    async def _answer(self, file: int, scope: Scope, receive: Receive, send: Send) -> None:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise _missing()
        given = self._given | {"Last-Modified": formatdate(found.st_mtime, usegmt=True)}
        asked = Headers(scope=scope)
        check_match(asked, given["ETag"])
        if _has_it(asked, given):
            await _start(send, 304, given | {"Content-Length": "0"})
            await send({"type": "http.response.body"})
            return
        wanted = _wanted(asked, given, found.st_size)
        if wanted == []:
            headers = {"Content-Range": f"bytes */{found.st_size}"}
            raise HTTPException(416, f"No part of '{asked['range'][:100]}' is in the file", headers)
        plan = _Plan.of(wanted, given, found.st_size)
        await _start(send, 200 if wanted is None else 206, plan.headers)
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body"})
        elif wanted is None and "http.response.pathsend" in scope.get("extensions", {}):
            await send({"type": "http.response.pathsend", "path": str(self.path)})
        else:
            await _send(file, plan, receive, send)


class _Plan:
    """What is sent: headers of the answer, and texts and ranges of the file in turn."""

    def __init__(self, headers: dict[str, str], pieces: list[tuple[bytes, Range]], end: bytes = b"") -> None:
        length = sum(len(text) + last - first for text, (first, last) in pieces) + len(end)
        self.headers = headers | {"Content-Length": str(length)}
        self.pieces = pieces
        self.end = end

    @classmethod
    def of(cls, wanted: list[Range] | None, given: dict[str, str], size: int) -> _Plan:
        if wanted is None:
            return cls(given, [(b"", (0, size))])
        if len(wanted) == 1:
            return cls(given | {"Content-Range": _written(wanted[0], size)}, [(b"", wanted[0])])
        mark = secrets.token_hex(13)
        head = f"\r\n--{mark}\r\nContent-Type: {given['Content-Type']}\r\nContent-Range: "
        pieces = [(f"{head}{_written(one, size)}\r\n\r\n".encode(), one) for one in wanted]
        several = given | {"Content-Type": f"multipart/byteranges; boundary={mark}"}
        return cls(several, pieces, f"\r\n--{mark}--\r\n".encode())

    def blocks(self) -> Iterator[tuple[bytes, Range]]:
        """The texts and ranges, in blocks."""
        for text, (first, last) in self.pieces:
            yield text, (first, min(first + BLOCK, last))
            for at in range(first + BLOCK, last, BLOCK):
                yield b"", (at, min(at + BLOCK, last))
        yield self.end, (0, 0)


def _missing() -> CorruptFile:
    return CorruptFile("The stored file is missing.", hint="Run the task that made it again.")


def _written(one: Range, size: int) -> str:
    return f"bytes {one[0]}-{one[1] - 1}/{size}"


def _has_it(asked: Headers, given: dict[str, str]) -> bool:
    """Whether the client has the file already."""
    if NONE in asked:
        return is_known(asked, given["ETag"])
    return "if-modified-since" in asked and not _changed_since(asked["if-modified-since"], given)


def _changed_since(time: str, given: dict[str, str]) -> bool:
    try:
        return parsedate_to_datetime(given["Last-Modified"]) > parsedate_to_datetime(time)
    except (ValueError, TypeError):
        return True


def _wanted(asked: Headers, given: dict[str, str], size: int) -> list[Range] | None:
    """The ranges to send; `None` for the whole file; empty if none of them is in it."""
    condition = asked.get("if-range")
    if "range" not in asked or (condition is not None and condition not in (given["ETag"], given["Last-Modified"])):
        return None
    return ranges(asked["range"], size)


async def _start(send: Send, status: int, headers: dict[str, str]) -> None:
    lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})


async def _send(file: int, plan: _Plan, receive: Receive, send: Send) -> None:
    """Send the blocks, until the client has gone."""
    gone = asyncio.ensure_future(_gone(receive))
    try:
        for text, (first, last) in plan.blocks():
            content = await asyncio.to_thread(os.pread, file, last - first, first) if last > first else b""
            if gone.done() or len(content) < last - first:
                return
            await send({"type": "http.response.body", "body": text + content, "more_body": True})
        await send({"type": "http.response.body"})
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()
