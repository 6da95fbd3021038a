"""The WebSockets below `/api/v1`."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.websockets import WebSocket

from avstudio_server.http.agents import no_agents
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.event_query import After, OpenStreams, Wanted
from avstudio_server.websocket.follower import Follower

PREFIX = "/api/v1"
SOCKETS = (f"{PREFIX}/stream", f"{PREFIX}/tasks/stream/{{task_id}}", f"{PREFIX}/agents/stream/{{task_id}}")
router = APIRouter(prefix=PREFIX)


@router.websocket("/stream")
async def stream(socket: WebSocket, wanted: Wanted, streams: OpenStreams) -> None:
    """The events that the session sees and wants."""
    await Follower(socket, streams, wanted).follow(socket)


@router.websocket("/tasks/stream/{task_id}")
async def task(socket: WebSocket, task_id: str, session: CallerSession, after: After, streams: OpenStreams) -> None:
    """The events of a task, stored ones first, until it has ended. Raises `NotFound`."""
    known = await asyncio.to_thread(session.tasks.get, task_id)
    await Follower(socket, streams, session.handle(known.id).events(after or 0)).follow(socket)


@router.websocket("/agents/stream/{task_id}")
async def agent(task_id: str, session: CallerSession) -> None:
    """The events of an agent's task. Raises `NotFound` until agents are installed."""
    session.principal.require("read")
    no_agents()
