"""Events as server-sent events: `id` is the event's number, from which a client continues."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi.sse import ServerSentEvent

from avstudio_core import EventsLost
from avstudio_core.errors import NotFound
from avstudio_server.http.streams import RequestStreams, Source

RETRY_MS = 1000
"""How long a browser waits before it connects again."""


async def lines(streams: RequestStreams, events: Source) -> AsyncIterator[ServerSentEvent]:
    """Events as the messages of a stream; a last one tells why it ends early: lost place, closing server, bad key."""
    with streams.following(events):
        try:
            async for event in events:
                yield ServerSentEvent(raw_data=streams.shared.written(event), event=event.type, id=str(event.seq))
        except NotFound:  # a task that it follows was deleted
            return
        except EventsLost as lost:
            yield ServerSentEvent(data={"seq": lost.seq}, event="stream.lost", id=str(lost.seq), retry=RETRY_MS)
    if streams.early_end is not None:
        yield ServerSentEvent(data={}, event=streams.early_end, retry=RETRY_MS)
