"""P9: durable tasks a second. 64 threads submit tasks that do nothing and wait for them; two workers; fsync on."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable

import noop
import paired

from avstudio_core import Studio

SUBMITTERS, WORKERS = 64, 2


def in_threads(work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(SUBMITTERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def avstudio(executor: str, each: int) -> float:
    """Tasks a second, from the first submission to the last result."""
    with (
        tempfile.TemporaryDirectory() as home,
        Studio(add=[noop], home=home, plugins="core", executor=executor, workers=WORKERS) as studio,
    ):
        studio.run("bench.nothing")  # workers are there, as those of a server would be

        def client(_number: int) -> None:
            handles = [studio.submit("bench.nothing") for _ in range(each)]
            for handle in handles:
                handle.result()

        return SUBMITTERS * each / paired.timed(lambda: in_threads(client))
