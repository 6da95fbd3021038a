"""Finds the route of a request by the third part of its path, since comparing it with every route takes longer."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import Match

from avstudio_core.errors import InvalidParams
from avstudio_core.quotes import quoted
from avstudio_server.http.guard import Receive, Scope, Send

PREFIX = "/api/"
"""The addresses that have only known parameters; clients of other protocols may send more."""


class RouteTable:
    """A router's application that looks where the route should be, and else asks the router."""

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._routes: dict[str, list[tuple[APIRoute, frozenset[str]]]] = {}
        for route in router.routes:
            if isinstance(route, APIRoute):
                self._routes.setdefault(_place(route.path), []).append((route, frozenset(_parameters(route.dependant))))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for route, parameters in self._routes.get(_place(scope["path"]), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    _refuse_unknown(scope, parameters)
                    await route.handle(scope, receive, send)
                    return
        await self._router.app(scope, receive, send)


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
