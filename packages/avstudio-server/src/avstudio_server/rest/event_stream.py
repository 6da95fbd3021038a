"""Events as server-sent events: `id` is the event's number, from which a client continues."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi.sse import ServerSentEvent

from avstudio_core import EventsLost
from avstudio_server.http.streams import Source, Streams

RETRY_MS = 1000
"""How long a browser waits before it connects again."""


async def lines(streams: Streams, events: Source) -> AsyncIterator[ServerSentEvent]:
    """Events as the messages of a stream; `stream.lost` and `stream.closing` tell why it ends early."""
    with streams.following(events):
        try:
            async for event in events:
                yield ServerSentEvent(raw_data=streams.written(event), event=event.type, id=str(event.seq))
        except EventsLost as lost:
            yield ServerSentEvent(data={"seq": lost.seq}, event="stream.lost", id=str(lost.seq), retry=RETRY_MS)
    if streams.ending:
        yield ServerSentEvent(data={}, event="stream.closing", retry=RETRY_MS)
