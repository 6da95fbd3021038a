"""The gate before every handler: names, origins, sizes, keys; and headers on every answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from avstudio_core.errors import AVStudioError, KeyRefused
from avstudio_server.http import cors
from avstudio_server.http.admissions import CUT, Admission, Admissions
from avstudio_server.http.browsers import Browsers
from avstudio_server.http.json_values import MOST_VALUES, JsonValues
from avstudio_server.http.problems import headers_of, problem, problem_of, written
from avstudio_server.http.request_log import RequestLog
from avstudio_server.http.streams import Streams

if TYPE_CHECKING:
    from avstudio_core import Principal, Session
    from avstudio_server.http.addresses import Addresses
    from avstudio_server.http.credentials import Credentials
    from avstudio_server.http.identity import Identity
    from avstudio_server.http.rate_limits import RateLimits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
)
"""Headers of every answer that does not set its own."""

GOES_ON = "avstudio.goes_on"
"""The extension of a scope in which a handler leaves what is to be done when it has ended, while its key is valid.

Thousands of sockets then wait here, and not in the frames and stacks of all layers of the application.
"""
REMEMBERED = frozenset({"type", "path", "route", "state", "client"})
"""What the log needs of a scope."""
MOST_SESSIONS = 256
"""The number of principals whose sessions are kept, because making one takes time."""


@dataclass(frozen=True)
class Sizes:
    """The most bytes of a request's body: of a document, and of files, if the handler allows them.

    A handler that does not keep the body in memory allows them with `allow_files`.
    """

    document: int = 4 * 2**20
    files: int = 2**33 + 2**20


@dataclass(frozen=True)
class Entrance:
    """How requests come in: under which names, how many, how large, which browsers; what is open; what was counted."""

    addresses: Addresses
    limits: RateLimits
    browsers: Browsers = field(default_factory=Browsers)
    sizes: Sizes = field(default_factory=Sizes)
    streams: Streams = field(default_factory=Streams)
    requests: RequestLog = field(default_factory=RequestLog)


class Guard:
    """An ASGI application around another one, which only admitted requests reach.

    It puts `request_id` into the state of the request and, for all but the public paths, `session`, `admission` and
    `until`, when the shown token or cookie expires.
    """

    def __init__(
        self,
        app: App,
        entrance: Entrance,
        credentials: Credentials,
        session: Callable[[Principal], Session],
        public: Collection[str] = (),
        refused: Callable[[Collection[str]], Collection[str]] = lambda keys: (),
    ) -> None:
        """`refused` returns those of some keys that are not valid any more."""
        self._app = app
        self._admissions = Admissions(refused)
        self._addresses = entrance.addresses
        self._limits = entrance.limits
        self._sizes = entrance.sizes
        self._requests = entrance.requests
        self._credentials = credentials
        self._session = lru_cache(MOST_SESSIONS)(session)
        self._public = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = f"req_{secrets.token_hex(8)}"
        answer = _Answer(send, request_id)
        try:
            await self._admitted(scope, receive, answer)
        except AVStudioError as error:
            await refuse(scope, answer, problem_of(error, request_id), headers_of(error))
        finally:
            self._requests.ended(scope, answer.status, time.perf_counter() - began)

    async def _admitted(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Call the application, or answer with the reason. Raises `KeyRefused`."""
        request_id = scope["state"]["request_id"]
        if refusal := self._addresses.refusal(scope["headers"]):
            status, detail, hint = refusal
            await refuse(scope, answer, problem(status, "wrong_address", detail, hint=hint, request_id=request_id))
            return
        if page := self._addresses.foreign(scope["headers"]):
            answer.headers += cors.headers(page)
            if cors.asks_first(scope):
                await cors.allow(answer)
                return
        scope["state"] |= {"most": self._sizes.document, "files": self._sizes.files}
        if scope["path"] in self._public:
            await self._app(scope, _limited(receive, scope), answer)
            return
        principal, _ = identity = await self._identity(scope)
        if allowance := await self._limits.take(principal.key or principal.owner):
            answer.headers += allowance.headers()
            allowance.check()
        cut = scope.get("extensions", {}).get(CUT, lambda: None)
        with self._admissions.admitted(principal.key, cut, identity.seconds) as admission:
            scope["state"] |= {"session": self._session(principal), "admission": admission, "until": identity.until}
            await self._app(scope, _limited(receive, scope, admission), answer)
            if (goes_on := scope.get("extensions", {}).pop(GOES_ON, None)) is not None:
                for name in scope.keys() - REMEMBERED:
                    del scope[name]
                await goes_on()

    async def _identity(self, scope: Scope) -> Identity:
        """Who asks. Raises `KeyRefused`, and `RateLimited` for an address that shows too many wrong keys."""
        try:
            return await self._credentials.identity_of(scope["headers"], _method(scope))
        except KeyRefused:
            await self._limits.refused((scope.get("client") or ("",))[0])
            raise


class _Answer:
    """Sends an answer with the headers that every one has, and remembers its status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.headers = [(b"x-request-id", request_id.encode())]
        self.status: int | str = "-"

    async def __call__(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            given = {name.lower() for name, _ in message.get("headers", ())}
            more = [(name, value) for name, value in SECURITY if name not in given]
            message["headers"] = [*message.get("headers", ()), *more, *self.headers]
        elif message["type"] == "websocket.accept":
            self.status = 101
        await self._send(message)


async def refuse(scope: Scope, send: Send, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
    """Answer with a problem document, before any handler runs; a WebSocket is not opened."""
    prefix = "websocket.http" if scope["type"] == "websocket" else "http"
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": document["code"]})
        return
    status, media_type, body = written(scope["path"], document)
    given = {**(headers or {}), "Content-Type": media_type, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    await send({"type": f"{prefix}.response.start", "status": status, "headers": lines})
    await send({"type": f"{prefix}.response.body", "body": body})


def allow_files(connection: HTTPConnection) -> None:
    """Accept a body as large as files may be: its handler writes it to the disk as it comes."""
    connection.state.most = connection.state.files


def _limited(receive: Receive, scope: Scope, admission: Admission | None = None) -> Receive:
    """`receive` that raises for a larger body than the handler allows, before it is read if its length is stated.

    It also raises for a document with too many values, and when the key is refused.
    """
    count, stated, values = 0, _length(scope["headers"]), JsonValues()

    async def limited() -> Message:
        nonlocal count
        if admission is not None:
            admission.check()
        most = scope["state"]["most"]
        message = await receive() if stated <= most else None
        piece = message.get("body", b"") if message and message["type"] == "http.request" else b""
        count += len(piece)
        if message is None or count > most:
            raise HTTPException(413, f"The request has more than {most} bytes")
        if piece and most < scope["state"]["files"] and values.too_many(piece):
            raise HTTPException(413, f"The request has more than {MOST_VALUES} values")
        return message

    return limited


def _length(headers: Collection[tuple[bytes, bytes]]) -> int:
    """The length that a request states; 0 if it states none."""
    text = next((value for name, value in headers if name == b"content-length"), b"0")
    return int(text) if text.isdigit() and len(text) < 20 else 0


def _method(scope: Scope) -> str:
    return str(scope.get("method", "WEBSOCKET"))
