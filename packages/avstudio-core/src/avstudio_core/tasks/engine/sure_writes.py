"""Writing down for sure how jobs ended: no task may stay in progress for ever because a disk was full for a moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Settling:
    """The jobs that are over and whose end is not yet written, and the writes that failed."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()
        self._failed: deque[Callable[[], object]] = deque()
        self._errors: dict[str, BaseException] = {}

    @property
    def jobs(self) -> set[str]:
        """Those whose end is not yet written."""
        return set(self._jobs)

    @property
    def error(self) -> BaseException | None:
        """Why the end of a job could not be written when that was last tried."""
        return next(iter(list(self._errors.values())), None)

    def begin(self, job_id: str) -> None:
        """A job is over."""
        self._jobs.add(job_id)

    def end(self, job_id: str) -> None:
        """How it ended is written."""
        self._jobs.discard(job_id)
        self._errors.pop(job_id, None)

    def surely(self, job_id: str, write: Callable[[], Future[Any]]) -> None:
        """Write how a job ended, now or as soon as it can be written."""

        def look(future: Future[Any]) -> None:
            if error := future.exception():
                self.later(job_id, error, lambda: self.surely(job_id, write))
            else:
                self.end(job_id)

        self.begin(job_id)
        write().add_done_callback(look)

    def later(self, job_id: str, error: BaseException, write: Callable[[], object]) -> None:
        """Have a write that failed tried with the next `again`."""
        self._errors[job_id] = error
        self._failed.append(write)

    def again(self) -> None:
        """Try what failed."""
        for _ in range(len(self._failed)):
            self._failed.popleft()()
