"""Memory: two models that do not fit together never are loaded together; many first requests cause one load."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import hungry
import paired

from avstudio_core import Studio

BUDGET_MB = 500
"""Room for one of them, not for both."""


class Watcher:
    """Adds up the resident memory of this process's children, again and again, and keeps the most."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self.peak_mb = max(self.peak_mb, sum(map(resident_mb, children())))


def children() -> list[str]:
    """The processes that this one's threads started."""
    return [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]


def resident_mb(pid: str) -> float:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core")
    rounds = 4 if arguments.quick else 12
    with (
        tempfile.TemporaryDirectory() as home,
        Studio(add=[hungry], home=home, plugins="core", memory_mb=BUDGET_MB) as studio,
        Watcher() as watcher,
    ):
        log = str(Path(home) / "loads")
        first = [studio.submit("bench.hungry", model="one", log=log) for _ in range(50)]
        for handle in first:
            handle.result()
        loads = Path(log).read_text().split()
        print(f"50 requests at once for a model that is not loaded: {len(loads)} load(s)  (aim 1)")
        began = time.perf_counter()
        mixed = [studio.submit("bench.hungry", model=("one", "two")[n % 2], log=log) for n in range(2 * rounds)]
        for handle in mixed:
            handle.result()
        spent = time.perf_counter() - began
        loads = Path(log).read_text().split()
    share = watcher.peak_mb / BUDGET_MB
    print(f"two models in turn, {2 * rounds} tasks in {spent:.1f} s: {len(loads)} loads")
    print(f"most memory of all workers: {watcher.peak_mb:.0f} MB of {BUDGET_MB} MB, {share:.2f}  (aim 1.05)")


if __name__ == "__main__":
    main()
