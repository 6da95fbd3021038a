"""What the contracts of backends ask, and how they listen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core.chat import ChatRequest, Delta

SYSTEM = (
    "Answer like a sailor of the seventeenth century, who has seen the coast of every continent, and who tells of it "
    "in one sentence, without a word of complaint about the weather, the food, the pay or his captain."
)
"""Longer than the texts that templates add to a conversation without a system message."""
SCHEMA = {
    "type": "object",
    "properties": {"zebras": {"type": "integer"}},
    "required": ["zebras"],
    "additionalProperties": False,
}


def question(text: str = "Good morning!", **more: Any) -> ChatRequest:
    """A short question."""
    from avstudio_core.chat import ChatRequest, Message

    return ChatRequest(messages=(Message(role="user", content=text),), **more)


def with_tool(text: str = "Good morning!") -> ChatRequest:
    """A question with a tool whose schema is nested."""
    from avstudio_core.chat import Tool

    deep = {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}, "additionalProperties": False}
    schema = {
        "type": "object",
        "properties": {"at": {"type": "array", "items": {"anyOf": [{"type": "number"}]}}, "deep": deep},
        "required": ["at"],
    }
    return question(text, tools=(Tool(name="cut", description="Cuts.", parameters=schema),))


def conversation() -> ChatRequest:
    """A conversation with a turn of each kind, in which each text is another."""
    from avstudio_core.chat import Message, ToolCall

    calls = (ToolCall(id="call_1", name="cut", arguments={"at": [4.25]}), ToolCall(id="call_2", name="cut"))
    turns = (
        Message(role="system", content=SYSTEM),
        Message(role="user", content="Where does the melody of the violins begin?"),
        Message(role="assistant", content="After the drums, I shall look for it.", tool_calls=calls),
        Message(role="tool", tool_call_id="call_1", content="The violins begin at second 41."),
        Message(role="tool", tool_call_id="call_2", content="Nothing was cut elsewhere."),
        Message(role="user", content="Then what comes last?"),
    )
    return with_tool().model_copy(update={"messages": turns})


async def longest_silence(call: Callable[[], Awaitable[None]]) -> float:
    """The longest time for which nothing else ran on the event loop during a call."""
    ticks = [time.monotonic()]

    async def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.01)

    ticking = asyncio.ensure_future(tick())
    await call()
    await asyncio.sleep(0.02)
    ticking.cancel()
    return max(after - before for before, after in pairwise(ticks))


async def heard(deltas: AsyncIterator[Delta]) -> list[Delta]:
    """All pieces of a stream."""
    return [delta async for delta in deltas]
