"""P9: durable tasks a second. 64 threads submit tasks that do nothing and wait for them; two workers run them.

Both sides sync each commit to the disk (`synchronous=FULL`, WAL). A task counts from the first submission until the
last result is stored. Huey's results are counted by one thread, since 64 threads that poll for them would slow it.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import noop
import paired
from huey import SqliteHuey

from avstudio_core import Studio

SUBMITTERS, WORKERS = 64, 2


def in_threads(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(SUBMITTERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def avstudio(executor: str, each: int) -> float:
    """Tasks a second, every client waiting for its own results."""
    with (
        tempfile.TemporaryDirectory() as home,
        Studio(add=[noop], home=home, plugins="core", executor=executor, workers=WORKERS) as studio,
    ):
        warm = [studio.submit("bench.nothing") for _ in range(2 * WORKERS)]
        for handle in warm:  # a server's workers are there already, as are Huey's
            handle.result()

        def client() -> None:
            handles = [studio.submit("bench.nothing") for _ in range(each)]
            for handle in handles:
                handle.result()

        return SUBMITTERS * each / paired.timed(partial(in_threads, client))


def huey(kind: str, each: int) -> float:
    """Tasks a second through Huey on SQLite, its workers threads or processes."""
    with tempfile.TemporaryDirectory() as home:
        queue = SqliteHuey(filename=str(Path(home) / "huey.db"), fsync=True, journal_mode="wal", timeout=60)
        nothing = queue.task()(_nothing)
        consumer = queue.create_consumer(workers=WORKERS, worker_type=kind, initial_delay=0.001, backoff=1.0)
        consumer.start()
        try:
            _until_results(queue, [nothing() for _ in range(2 * WORKERS)].__len__())

            def client() -> None:
                for _ in range(each):
                    nothing()

            began = time.perf_counter()
            in_threads(client)
            _until_results(queue, 2 * WORKERS + SUBMITTERS * each)
            return SUBMITTERS * each / (time.perf_counter() - began)
        finally:
            consumer.stop(graceful=True)


def _nothing() -> int:
    return 1  # a result of `None` is not stored


def _until_results(queue: SqliteHuey, count: int) -> None:
    while queue.result_count() < count:
        time.sleep(0.005)


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "huey", "sqlalchemy")
    ours, theirs, pairs = (40, 4, 3) if arguments.quick else (150, 10, 10)
    for executor, kind in (("inline", "thread"), ("local", "process")):
        first, second = paired.interleaved(partial(avstudio, executor, ours), partial(huey, kind, theirs), pairs)
        quickest = f"most {max(first):.0f}, least {min(first):.0f}"
        print(f"executor={executor}: {paired.quantile(first, 0.5):.0f} tasks/s ({quickest}; aim 1500)")
        print(f"  Huey, {kind} workers: {paired.quantile(second, 0.5):.0f} tasks/s")
        print(f"  AV-Studio / Huey: {paired.ratio(first, second)}", flush=True)


if __name__ == "__main__":
    main()
