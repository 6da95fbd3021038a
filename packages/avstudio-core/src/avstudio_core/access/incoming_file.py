"""A file that is received in pieces, and becomes an artifact when it is whole."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import ExitStack
from typing import Any, Self

from avstudio_core.artifact import Artifact
from avstudio_core.errors import InvalidInput
from avstudio_core.storage.draft import Draft
from avstudio_core.storage.intake import Intake, Origin
from avstudio_core.twin import settled, twin

BLOCK = 1 << 19
"""Small pieces are collected to blocks of about so many bytes."""


class Receiver(ABC):
    """Something that a file is written to in pieces, which are hashed on the way."""

    _draft: Draft

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._draft.size

    def write(self, piece: bytes) -> None:
        """Append a piece. Raises `TooLarge`, `StorageError`."""
        self._draft.write(piece)

    async def afill(self, pieces: AsyncIterable[bytes]) -> None:
        """Append pieces as they come, without blocking an event loop: one is written while the next one is received."""
        writing: asyncio.Future[None] | None = None
        try:
            async for block in _blocks(pieces):
                if writing is not None:
                    await asyncio.shield(writing)
                writing = asyncio.get_running_loop().run_in_executor(None, self.write, block)
        finally:
            if writing is not None:
                await settled(writing)
        if writing is not None:
            writing.result()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *error: Any) -> None:
        await asyncio.shield(asyncio.to_thread(self.__exit__, *error))

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(self, *error: Any) -> None: ...


class Incoming(Receiver):
    """A file on its way into the store. Leaving the `with` block without `take` removes it.

    ```python
    with session.receive("song.mp3") as incoming:
        for piece in pieces:
            incoming.write(piece)
        artifact = incoming.take()
    ```
    """

    def __init__(self, intake: Intake, origin: Origin, most: int) -> None:
        self._intake = intake
        self._origin = origin
        self._most = most
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._folder = opened.enter_context(self._intake.staging())
            self._draft = Draft(self._folder / "incoming.tmp", self._most)
            opened.callback(self._draft.close)
            self._open = opened.pop_all()
        return self

    def take(self, sha256: str | None = None) -> Artifact:
        """The artifact of what has been written. Raises `InvalidInput` if it does not have the expected `sha256`.

        Raises `UnreadableMedia` if it is empty, and `StorageError`.
        """
        refuse_other(self._draft, sha256)
        return self._intake.adopt(self._draft, self._origin, self._folder)

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    atake = twin(take)
    """`take` without blocking an event loop."""


def refuse_other(draft: Draft, sha256: str | None) -> None:
    """Raises `InvalidInput` if a draft does not have the sha256 that its sender states."""
    if sha256 is not None and sha256 != draft.sha256:
        message = f"The received file has the sha256 '{draft.sha256}', not '{sha256}'."
        raise InvalidInput(message, hint="Send it again.")


async def _blocks(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in blocks of at least `BLOCK` bytes, but for the last one."""
    collected, size = list[bytes](), 0
    async for piece in pieces:
        collected.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield b"".join(collected)
            collected, size = [], 0
    if size:
        yield b"".join(collected)
