"""`Idempotency-Key`: a request that is sent again is not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from avstudio_core import RunLimits, RunRequest
from avstudio_core.errors import InvalidParams
from avstudio_core.quotes import quoted
from avstudio_server.http.caller import CallerSession

if TYPE_CHECKING:
    from avstudio_core import Plan, PlanHandle, RunHandle, Session
    from avstudio_server.rest.run_query import RunQuery

LONGEST = 255
HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}
UNLIMITED = RunLimits(money=None, steps=None, tokens=None, seconds=None)
"""A request has no limits of its own."""
Given = Annotated[
    str | None,
    Header(
        alias=HEADER,
        description="1 to 255 visible ASCII characters, new for each request. If the request is sent again with the "
        "same key, its work is not done again.",
    ),
]


@dataclass(frozen=True)
class RequestKey:
    """The key under which a request of an owner is known; without a `name`, it is not."""

    name: str | None
    query: str
    given: str = ""
    """What the client has sent."""

    def digest(self, body: Any) -> str:
        """A digest of what is asked."""
        return digest([self.query, body])

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Errors about the key name what the client has sent."""
        try:
            yield
        except InvalidParams as error:
            if self.name is None or self.name not in error.message:
                raise
            message = f"The {HEADER} {quoted(self.given)} was used for another request."
            raise InvalidParams(message, hint=error.hint) from None


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _key(request: Request, session: CallerSession, given: Given = None) -> RequestKey:
    """The key of a request, which holds for its route. Raises `HTTPException` 400."""
    keys = request.headers.getlist(HEADER)
    if given is None:
        return RequestKey(None, "")
    if len(keys) != 1 or not 0 < len(given) <= LONGEST or not all("!" <= sign <= "~" for sign in given):
        raise HTTPException(400, f"'{HEADER}' is not 1 to {LONGEST} visible ASCII characters")
    place = [request.method, request.url.path, session.principal.project, given]
    return RequestKey(f"http:{digest(place)}", request.url.query, given)


Key = Annotated[RequestKey, Depends(_key)]
"""The parameter of a route whose work is not done twice for the same key."""


async def made_earlier(session: Session, key: RequestKey, asked: str) -> list[str] | None:
    """What a request with the same key made. Raises `InvalidParams` if something else was asked."""
    with key.shown():
        return await session.made_once.afind(key.name, asked) if key.name else None


async def made_first(session: Session, key: RequestKey, asked: str, made: list[str]) -> list[str]:
    """What was made under a key first: what this request made, or an earlier one. Raises `InvalidParams`."""
    with key.shown():
        return await session.made_once.akeep(key.name, asked, made) if key.name else made


@dataclass(frozen=True)
class Submitted:
    """A plan that was submitted, and what the answer says about it."""

    plan: PlanHandle
    headers: Mapping[str, str]


async def earlier(session: Session, how: RunQuery, key: RequestKey, asked: str) -> Submitted | None:
    """What was submitted under the same key. Raises `InvalidParams` if something else was asked."""
    project = how.project if "project" in how.model_fields_set else None
    with key.shown():
        run = await session.aearlier_run(key.name, asked, project=project) if key.name else None
    return None if run is None else await _of(session, run)


async def submitted(
    session: Session, plan: Plan | str, source: Any, how: RunQuery, key: RequestKey, asked: str
) -> Submitted:
    """Submit a plan; if that was done under the same key at the same time, it is the same work.

    Raises what `Session.start_run` raises.
    """
    if key.name is None and how.webhook is None:
        return Submitted(await session.asubmit_plan(plan, source, options=how.options), {})
    named: dict[str, Any] = {"key": key.name, "request": RunRequest(asked, how.webhook)}
    with key.shown():
        run = await session.astart_run(plan, source, limits=UNLIMITED, options=how.options, **named)
    return await _of(session, run)


async def _of(session: Session, run: RunHandle) -> Submitted:
    first = (await run.atasks())[0]
    return Submitted(await session.aplan(first.plan_id), REPLAYED if run.earlier else {})
