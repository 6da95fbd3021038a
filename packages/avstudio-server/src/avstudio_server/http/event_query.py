"""Which events a client wants, as the parameters of a route."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Depends, Header, Query
from starlette.requests import HTTPConnection

from avstudio_core import EventStream
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.named_values import EventTypeName, Name, PlanId
from avstudio_server.http.streams import RequestStreams

LARGEST = 2**63 - 1
Number = Annotated[int | None, Query(ge=0, le=LARGEST, description="Only events with a higher number.")]


def _after(after: Number = None, last_event_id: Annotated[int | None, Header(ge=0, le=LARGEST)] = None) -> int | None:
    """The number after which events are wanted: that of a client that connects again comes first."""
    return after if last_event_id is None else last_event_id


After = Annotated[int | None, Depends(_after)]


def _streams(connection: HTTPConnection) -> RequestStreams:
    return RequestStreams(connection.app.state.streams, connection.state.admission)


OpenStreams = Annotated[RequestStreams, Depends(_streams)]


Types = Annotated[list[EventTypeName] | None, Query(description="Only these types, such as 'task.completed'.")]


async def _wanted(
    session: CallerSession,
    after: After,
    types: Types = None,
    subjects: Annotated[list[Name] | None, Query(description="Only events about these tasks, plans …")] = None,
    plan: Annotated[PlanId | None, Query(description="Only events of the tasks of this plan.")] = None,
    owner: Annotated[Name | None, Query(description="Only events of this owner.")] = None,
) -> EventStream:
    """The events that are wanted; without a number, only new ones: those after the client is answered."""
    given: dict[str, Any] = {"types": types, "subjects": subjects, "plan": plan, "owner": owner}
    conditions = {name: value for name, value in given.items() if value is not None}
    events = await asyncio.to_thread(session.events, after=after, **conditions)
    return await events.__aenter__()  # it listens before the client gets an answer; `following` closes it


Wanted = Annotated[EventStream, Depends(_wanted)]
