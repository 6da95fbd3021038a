"""Calls a function with each event of a stream."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from avstudio_core.errors import AVStudioError, EventsLost, InvalidInput
from avstudio_core.events import Event
from avstudio_core.tasks.events.mailbox import Mailbox

LOG = logging.getLogger(__name__)
T = TypeVar("T")


class Waitable(Iterator[Event], Protocol):
    """A stream of events."""

    def wait(self, seconds: float) -> bool: ...


class Caller:
    """Has a thread only while there are events, so that thousands of them cost nothing when nothing happens."""

    def __init__(
        self,
        stream: Waitable,
        mailbox: Mailbox,
        function: Callable[[Event], object],
        lost: Callable[[EventsLost], object] | None,
    ) -> None:
        self._stream = stream
        self._mailbox = mailbox
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(lost):
            message = "A function that is called with events cannot be asynchronous: nothing would await it."
            raise InvalidInput(message, hint="Use 'async for', or give a function without 'async'.")
        self._function = function
        self._lost = lost
        self._failed = False
        """Whether the function has raised: only the first error is logged as one."""

    def start(self) -> None:
        threading.Thread(target=self._run, name="event call", daemon=True).start()

    def _run(self) -> None:
        try:
            while self._stream.wait(0):
                self._call(self._function, next(self._stream))
        except EventsLost as error:
            if self._lost is None:
                LOG.warning("A function that is called with events is too slow. %s", error)
            else:
                self._call(self._lost, error)
        except AVStudioError as error:
            LOG.warning("A function is no longer called with events: %s", error)
        else:
            if not self._mailbox.ended:
                self._mailbox.wake(self.start)

    def _call(self, function: Callable[[T], object], argument: T) -> None:
        try:
            function(argument)
        except BaseException:  # foreign code; it is called again
            level = logging.DEBUG if self._failed else logging.ERROR
            LOG.log(level, "A function that is called with events failed. It is called again.", exc_info=True)
            self._failed = True
