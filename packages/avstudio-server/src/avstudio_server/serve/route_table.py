"""Finds the route of a request by the third part of its path, since comparing it with every route takes longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from urllib.parse import parse_qsl

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Match

from avstudio_core.errors import InvalidParams
from avstudio_core.quotes import quoted
from avstudio_server.http.codings import check_coding
from avstudio_server.http.conditions import MATCH, NONE, check_match
from avstudio_server.http.guard import Message, Receive, Scope, Send, refuse
from avstudio_server.http.problems import problem
from avstudio_server.websocket.routes import SOCKETS

Answer = Callable[[APIRoute, Scope, Receive, Send], Awaitable[None]]
SAFE = ("/api/", "/v1/")
"""The addresses at which HEAD has the headers of GET: at `/login`, GET uses the link up."""
READING = frozenset({"GET", "HEAD"})
CONDITIONS = frozenset({MATCH, NONE, "if-modified-since", "range"})
"""What would change the answer that has the `ETag`."""
PREFIX = "/api/"
"""The addresses that have only known parameters; clients of other protocols may send more."""


async def whole(route: APIRoute, scope: Scope, receive: Receive, send: Send) -> None:
    await route.handle(scope, receive, send)


async def headers_only(route: APIRoute, scope: Scope, receive: Receive, send: Send) -> None:
    """The headers of an answer to GET. Then the route is stopped, since a stream of events does not end by itself."""
    started = asyncio.Event()

    async def first(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            started.set()
        if started.is_set():
            await asyncio.Event().wait()

    answering, start = asyncio.ensure_future(route.handle(scope, receive, first)), asyncio.ensure_future(started.wait())
    try:
        await asyncio.wait([answering, start], return_when=asyncio.FIRST_COMPLETED)
    finally:
        start.cancel()
        if started.is_set():
            answering.cancel()
            with suppress(asyncio.CancelledError):
                await answering
    if started.is_set():
        await send({"type": "http.response.body", "body": b""})
    else:
        await answering


async def no_route(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer at an address without a route: a WebSocket is refused with a problem. Raises `HTTPException` 404."""
    if scope["type"] != "websocket":
        raise HTTPException(404)
    detail, number = f"{quoted(scope['path'])} is not an address of a WebSocket.", scope["state"]["request_id"]
    hint = f"WebSockets are at {', '.join(SOCKETS)}."
    await refuse(scope, send, problem(404, "no_route", detail, hint=hint, request_id=number))


class RouteTable:
    """A router's application that looks where the route should be, and else asks the router."""

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        router.default = no_route
        self._routes: dict[str, list[tuple[APIRoute, frozenset[str]]]] = {}
        for route in router.routes:
            if isinstance(route, APIRoute):
                self._routes.setdefault(_place(route.path), []).append((route, frozenset(_parameters(route.dependant))))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and await self._answered(scope, receive, send):
            return
        if scope["type"] == "http" and scope["method"] == "HEAD" and scope["path"].startswith(SAFE):
            as_get = {**scope, "method": "GET"}
            if await self._answered(as_get, receive, send, headers_only):
                scope["route"] = as_get["route"]
                return
        await self._routed(scope, receive, send)

    async def _routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the router. Raises `HTTPException` 404, and 405 with all methods that the address has."""
        try:
            await self._router.app(scope, receive, send)
        except HTTPException as error:
            if error.status_code != 405:
                raise
            raise HTTPException(405, headers={"Allow": ", ".join(self._methods(scope))}) from None

    def _methods(self, scope: Scope) -> list[str]:
        """The methods at an address."""
        found = set[str]()
        for route in self._router.routes:
            if isinstance(route, APIRoute) and route.matches(scope)[0] is not Match.NONE:
                found |= route.methods or set()
        return sorted(found | ({"HEAD"} if "GET" in found and scope["path"].startswith(SAFE) else set()))

    async def _check(self, asked: Headers, scope: Scope, receive: Receive) -> None:
        """Check the coding of a body, and `If-Match` against the `ETag` of GET. Raises `HTTPException` 415, 412."""
        check_coding(asked)
        if MATCH in asked:
            shown = await self._shown(scope, receive)
            if shown is None or shown["status"] == 200:
                check_match(asked, Headers(raw=shown["headers"]).get("etag") if shown else None)

    async def _shown(self, scope: Scope, receive: Receive) -> Message | None:
        """How the answer to GET at the address of a request begins; `None` if it has no GET."""
        found: list[Message] = []

        async def note(message: Message) -> None:
            found.append(message)

        headers = [line for line in scope["headers"] if line[0].decode() not in CONDITIONS]
        reading = {**scope, "method": "GET", "headers": headers, "query_string": b""}
        await self._answered(reading, receive, note, headers_only)
        return next(iter(found), None)

    async def _answered(self, scope: Scope, receive: Receive, send: Send, answer: Answer = whole) -> bool:
        """Call the route of a request; return whether there is one."""
        for route, parameters in self._routes.get(_place(scope["path"]), ()):
            match, found = route.matches(scope)
            if match is Match.FULL:
                if scope["method"] not in READING:
                    await self._check(Headers(scope=scope), scope, receive)
                scope.update(found)
                _refuse_unknown(scope, parameters)
                await answer(route, scope, receive, send)
                return True
        return False


def _refuse_unknown(scope: Scope, known: frozenset[str]) -> None:
    """Raises `InvalidParams` for a parameter that a route would ignore, such as `dry_run`."""
    if not scope["query_string"] or not scope["path"].startswith(PREFIX):
        return
    given = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    if unknown := given.keys() - known:
        hint = f"It has: {', '.join(sorted(known))}." if known else "It has none."
        raise InvalidParams(f"{quoted(min(unknown))} is not a parameter of this address.", hint=hint)


def _parameters(part: Dependant) -> Iterator[str]:
    """The names of the query parameters of a route, also of those that are the fields of a model."""
    for field in part.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (one.alias or name for name, one in kind.model_fields.items())
        else:
            yield field.alias
    for inner in part.dependencies:
        yield from _parameters(inner)


def _place(path: str) -> str:
    """The third part of a path: `tasks` of `/api/v1/tasks/{task_id}`. One that is a parameter is the router's."""
    parts = path.split("/", 4)
    return parts[3] if len(parts) > 3 else parts[-1]
