"""P10: from `submit` until the result of a task that does nothing, alone on a warm studio, each commit synced."""

from __future__ import annotations

import tempfile

import noop
import paired

from avstudio_core import Studio


def milliseconds(executor: str, runs: int) -> list[float]:
    with (
        tempfile.TemporaryDirectory() as home,
        Studio(add=[noop], home=home, plugins="core", executor=executor) as studio,
    ):
        for _ in range(5):
            studio.run("bench.nothing")
        return [1000 * paired.timed(lambda: studio.run("bench.nothing")) for _ in range(runs)]


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "sqlalchemy")
    for executor, aim in (("inline", "p50 8 ms"), ("local", "p50 20 ms through a warm worker")):
        times = milliseconds(executor, 50 if arguments.quick else 500)
        p50, p99 = paired.quantile(times, 0.5), paired.quantile(times, 0.99)
        print(f"executor={executor}: p50 {p50:.1f} ms, p99 {p99:.1f} ms  (aim {aim})")


if __name__ == "__main__":
    main()
