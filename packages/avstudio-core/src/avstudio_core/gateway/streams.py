"""A streamed answer, for callers with and without an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from queue import SimpleQueue

from avstudio_core.answers import ChatAnswer
from avstudio_core.chat import Delta
from avstudio_core.errors import ModelError
from avstudio_core.gateway.loop import LoopThread

Source = Callable[[], AsyncIterator[Delta | ChatAnswer]]


class Stream:
    """Iterate over it once, with `for` or `async for`; `answer` is available after the end.

    Leaving the loop early stops the model. Both raise the same errors as `Studio.chat`, and `PartialAnswer`.
    """

    def __init__(self, source: Source, loop: LoopThread) -> None:
        self._source = source
        self._loop = loop
        self._answer: ChatAnswer | None = None

    @property
    def answer(self) -> ChatAnswer:
        """The whole answer, with its usage and cost. Raises `ModelError` before the stream has ended."""
        if self._answer is None:
            raise ModelError("The answer is not complete: iterate over the stream to its end.")
        return self._answer

    async def __aiter__(self) -> AsyncIterator[Delta]:
        async with aclosing(self._source()) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if isinstance(piece, ChatAnswer):
                    self._answer = piece
                else:
                    yield piece

    def __iter__(self) -> Iterator[Delta]:
        pieces: SimpleQueue[Delta | None] = SimpleQueue()

        async def pump() -> None:
            try:
                async for piece in self:
                    pieces.put(piece)
            finally:
                pieces.put(None)

        pumped = self._loop.start(pump())
        try:
            while (piece := pieces.get()) is not None:
                yield piece
            pumped.result()
        finally:
            pumped.cancel()
