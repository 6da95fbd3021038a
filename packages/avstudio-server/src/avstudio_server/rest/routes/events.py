"""The events of all that a session sees."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi.sse import EventSourceResponse, ServerSentEvent

from avstudio_server.http.event_query import OpenStreams, Wanted
from avstudio_server.rest.event_stream import lines
from avstudio_server.rest.nouns import routes_of

router = routes_of("events")


@router.get("", response_class=EventSourceResponse)
async def events(wanted: Wanted, streams: OpenStreams) -> AsyncIterator[ServerSentEvent]:
    """Events as they happen; with `after` or `Last-Event-ID`, first those that are stored with a higher number."""
    async for line in lines(streams, wanted):
        yield line
