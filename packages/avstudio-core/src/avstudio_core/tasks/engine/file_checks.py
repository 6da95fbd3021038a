"""Verifies the files of earlier results: large ones on a separate thread, so that other tasks do not wait."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Collection

from avstudio_core.errors import AVStudioError
from avstudio_core.storage.artifacts import ArtifactStore

LOG = logging.getLogger(__name__)
QUICK = 4 << 20
"""Files of up to this many bytes together are verified immediately, on the calling thread: another thread
and another commit would take longer than reading them."""
MOST = 64
"""The largest number of jobs whose files are being verified; at this number, no further tasks are claimed."""

Then = Callable[[bool | None], None]


class FileChecks:
    """The jobs whose earlier results are being verified."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._jobs: set[str] = set()
        self._queue: queue.SimpleQueue[tuple[str, Collection[str], Then] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def jobs(self) -> set[str]:
        """The jobs whose files are being verified."""
        return set(self._jobs)

    @property
    def room(self) -> int:
        """How many more jobs may be added."""
        return MOST - len(self._jobs)

    def check(self, job_id: str, files: Collection[str], then: Then) -> None:
        """Call `then` with `True` if all files are intact, otherwise `False`; with `None` if the studio closes first.

        For small files, it is called on this thread; for large ones, on the thread of the checks.
        """
        if sum(map(self._store.unverified, files)) <= QUICK:
            then(self._intact(files))
            return
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="file checks", daemon=True)
            thread.start()
            self._thread = thread
        self._jobs.add(job_id)
        self._queue.put((job_id, files, then))

    def close(self) -> None:
        """Stop; `then` of all remaining jobs is called with `None`. No other thread may add jobs any more."""
        self._closing.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (one := self._queue.get()) is not None:
            job_id, files, then = one
            try:
                then(self._intact(files))
            except Exception:  # the engine returns its job to the queue; the other jobs are verified
                LOG.exception("A job could not go on after its files were verified.")
            finally:
                self._jobs.discard(job_id)

    def _intact(self, files: Collection[str]) -> bool | None:
        try:
            for sha256 in files:
                self._store.verify_if_changed(sha256, self._is_open)
        except AVStudioError:
            return False if self._is_open() else None
        return True

    def _is_open(self) -> bool:
        return not self._closing.is_set()
