"""P10: from `submit` to the result in hand, one task at a time, in process and through a warm worker.

The task does nothing, so this is what the queue, the disk and the worker cost. `execute only` is the same work called
as a function. Nothing polls: each change of a task is noticed as soon as its commit is on the disk.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import noop
import paired

from avstudio_core import Studio


def latencies(executor: str, runs: int) -> list[float]:
    """Milliseconds of each task."""
    with (
        tempfile.TemporaryDirectory() as home,
        Studio(add=[noop], home=home, plugins="core", executor=executor) as studio,
    ):
        for _ in range(10):
            studio.run("bench.nothing")
        return [milliseconds(lambda: studio.run("bench.nothing")) for _ in range(runs)]


def milliseconds(work: Callable[[], object]) -> float:
    return 1000 * paired.timed(work)


def syncs(runs: int) -> list[float]:
    """Milliseconds of a write and a sync of the disk that the data folders are on."""
    with tempfile.TemporaryDirectory() as home, (Path(home) / "file").open("wb", buffering=0) as file:

        def sync() -> None:
            file.write(bytes(4096))
            os.fsync(file.fileno())

        return [milliseconds(sync) for _ in range(runs)]


def shown(name: str, values: list[float], aim: str = "") -> None:
    p50, p99 = paired.quantile(values, 0.5), paired.quantile(values, 0.99)
    print(f"{name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms of {len(values)}{aim}", flush=True)


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "sqlalchemy")
    runs = 200 if arguments.quick else 2000
    shown("one sync of this disk", syncs(runs))
    shown("submit to result, in process", latencies("inline", runs), "  (aim: p50 8)")
    shown("submit to result, through a warm worker", latencies("local", runs), "  (aim: p50 20)")


if __name__ == "__main__":
    main()
