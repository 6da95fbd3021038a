"""The requests that are being answered: they end when their key is revoked, or their key, token or cookie expires."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

from avstudio_core.errors import AVStudioError, KeyRefused

LOOK_SECONDS = 0.4
"""How often the keys of open requests are looked up, all with one query."""
LEAVE_SECONDS = 0.3
"""How long a request of a refused key has to end by itself, before its connection is cut."""
CUT = "avstudio.cut"
"""The extension of a scope with the function that cuts its connection."""

End = Callable[[], object]


class Admission:
    """A request that was admitted."""

    def __init__(self, cut: End) -> None:
        self.refused = False
        """Whether its key was revoked, or its key, token or cookie has expired, since it was admitted."""
        self._cut = cut
        self._ends: dict[End, None] = {}

    @contextmanager
    def ending(self, end: End) -> Iterator[None]:
        """Call a function if the request is refused before the `with` block ends."""
        self._ends[end] = None
        try:
            yield
        finally:
            del self._ends[end]

    def check(self) -> None:
        """Raises `KeyRefused` if the request was refused meanwhile."""
        if self.refused:
            raise KeyRefused("The API key or token is not valid any more.", hint="Show another one.")

    def refuse(self) -> None:
        """End the request, in some way, soon."""
        if self.refused:
            return
        self.refused = True
        for end in [*self._ends]:
            end()
        asyncio.get_running_loop().call_later(LEAVE_SECONDS, self._cut)


class Admissions:
    """The requests that are being answered, by their key."""

    def __init__(self, refused: Callable[[Collection[str]], Collection[str]]) -> None:
        """`refused` returns those of some keys that are not valid now."""
        self._refused = refused
        self._open: dict[str, dict[Admission, None]] = {}
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def admitted(self, key: str | None, cut: End, seconds: float | None = None) -> Iterator[Admission]:
        """A request of a key while it is answered, for so long at most."""
        answering = True
        admission = Admission(lambda: cut() if answering else None)
        if key is not None:
            self._open.setdefault(key, {})[admission] = None
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look())
        expiry = None if seconds is None else asyncio.get_running_loop().call_later(seconds, admission.refuse)
        try:
            yield admission
        finally:
            answering = False
            if expiry is not None:
                expiry.cancel()
            if key is not None:
                self._remove(key, admission)

    def _remove(self, key: str, admission: Admission) -> None:
        del self._open[key][admission]
        if not self._open[key]:
            del self._open[key]

    async def _look(self) -> None:
        """Refuse requests, as long as there are any."""
        await asyncio.sleep(LOOK_SECONDS)
        while self._open:
            with suppress(AVStudioError):  # the next look may succeed
                for key in await asyncio.to_thread(self._refused, [*self._open]):
                    for admission in [*self._open.get(key, ())]:
                        admission.refuse()
            await asyncio.sleep(LOOK_SECONDS)
