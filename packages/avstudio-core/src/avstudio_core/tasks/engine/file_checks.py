"""Verifies the files that runs read, and those of earlier results: large ones on a thread of their own."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

from avstudio_core.errors import AVStudioError, TaskCancelled
from avstudio_core.storage.artifacts import ArtifactStore

LOG = logging.getLogger(__name__)
QUICK = 4 << 20
"""Files of up to this many bytes together are verified immediately, on the calling thread: another thread
and another commit would take longer than reading them."""
MOST = 64
"""The largest number of jobs whose files are being verified; at this number, no further tasks are claimed."""

Then = Callable[[AVStudioError | None], None]
"""Gets the error of the first damaged file, `None` if all are intact, or `TaskCancelled` if the studio closes."""


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """The files of a job that are to be verified, and who gets the outcome."""

    job_id: str
    files: Collection[str]
    then: Then


class FileChecks:
    """The jobs whose files are being verified."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._open: set[Check] = set()
        self._queue: queue.SimpleQueue[Check | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def jobs(self) -> set[str]:
        """The jobs whose files are being verified."""
        return {one.job_id for one in self._open.copy()}

    @property
    def room(self) -> int:
        """How many more jobs may be added."""
        return MOST - len(self._open)

    def check(self, job_id: str, files: Collection[str], then: Then) -> None:
        """Verify files by their sha256, and pass the outcome to `then`.

        It is called on this thread for small files and for unchanged ones, which are not read again; for large ones,
        on the thread of the checks.
        """
        if sum(map(self._store.unverified, files)) <= QUICK:
            then(self._flaw(files))
            return
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="file checks", daemon=True)
            thread.start()
            self._thread = thread
        one = Check(job_id, files, then)
        self._open.add(one)
        self._queue.put(one)

    def close(self) -> None:
        """Stop; the remaining jobs get `TaskCancelled`. No other thread may add jobs any more."""
        self._closing.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (one := self._queue.get()) is not None:
            try:
                one.then(self._flaw(one.files))
            except Exception:  # the engine returns its job to the queue; the other jobs are verified
                LOG.exception("A job could not go on after its files were verified.")
            finally:
                self._open.discard(one)

    def _flaw(self, files: Collection[str]) -> AVStudioError | None:
        try:
            for sha256 in files:
                self._store.verify_if_changed(sha256, self._is_open)
        except AVStudioError as error:
            return error if self._is_open() else TaskCancelled("The studio is closing.")
        return None

    def _is_open(self) -> bool:
        return not self._closing.is_set()
