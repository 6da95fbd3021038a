"""The ends of jobs that the database does not yet contain: a full disk must not leave a task in progress."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class UnwrittenEnds:
    """The ended jobs whose end is not yet written, and the writes that failed, to be retried."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()
        self._failed: deque[Callable[[], object]] = deque()
        self._errors: dict[str, BaseException] = {}

    @property
    def jobs(self) -> set[str]:
        """The jobs whose end is not yet written."""
        return set(self._jobs)

    @property
    def error(self) -> BaseException | None:
        """The error of the last failed write."""
        return next(iter(list(self._errors.values())), None)

    def add(self, job_id: str) -> None:
        """Add a job that has ended."""
        self._jobs.add(job_id)

    def remove(self, job_id: str) -> None:
        """Remove a job whose end is written."""
        self._jobs.discard(job_id)
        self._errors.pop(job_id, None)

    def write(self, job_id: str, begin: Callable[[], Future[Any]]) -> None:
        """Write the end of a job, now or as soon as possible."""

        def written(future: Future[Any]) -> None:
            if error := future.exception():
                self.add_failed(job_id, error, lambda: self.write(job_id, begin))
            else:
                self.remove(job_id)

        self.add(job_id)
        begin().add_done_callback(written)

    def add_failed(self, job_id: str, error: BaseException, write: Callable[[], object]) -> None:
        """Add a failed write, to be retried by `retry`."""
        self._errors[job_id] = error
        self._failed.append(write)

    def retry(self) -> None:
        """Retry the failed writes."""
        for _ in range(len(self._failed)):
            self._failed.popleft()()
