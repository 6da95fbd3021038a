"""Models that do not fit together are never loaded together, and many first requests load a model once.

Workers hold real memory. Their resident sizes are added up every few milliseconds while clients ask for models in
random order; pages that processes share are counted for each.
"""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import allocating
import paired

from avstudio_core import Studio

BUDGET_MB = 600
MODELS_MB = {"big": 400, "other": 380, "small": 160}
"""Of these, `small` fits beside either of the others, and those do not fit together."""
CLIENTS = 8


class Sampler:
    """The resident memory of this process's children, added up again and again."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self.together = 0
        self._stop = threading.Event()

    def watch(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while not self._stop.wait(0.004):
            sizes = [pages * page / (1 << 20) for pages in _resident_pages()]
            self.peak_mb = max(self.peak_mb, sum(sizes))
            large = sum(size > min(MODELS_MB["big"], MODELS_MB["other"]) * 0.8 for size in sizes)
            self.together = max(self.together, large)

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self.watch)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


def _resident_pages() -> list[int]:
    found = []
    for child in _children():
        with contextlib.suppress(OSError, IndexError):  # it is gone
            found.append(int(Path(f"/proc/{child}/statm").read_text().split()[1]))
    return found


def _children() -> Iterator[str]:
    for listed in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread is gone, and its children are another's
            yield from listed.read_text().split()


def use(studio: Studio, log: Path, model: str, request: int) -> None:
    studio.run("bench.use", model=model, megabytes=MODELS_MB[model], log=str(log), request=request)


def squeeze(studio: Studio, log: Path, requests: int) -> Sampler:
    """Random requests from several clients at once."""
    sampler, dice = Sampler(), random.Random(1)
    trace = [dice.choice(list(MODELS_MB)) for _ in range(requests)]
    with sampler.watching(), ThreadPoolExecutor(CLIENTS) as clients:
        for future in [clients.submit(use, studio, log, model, n) for n, model in enumerate(trace)]:
            future.result()
    return sampler


def rush(studio: Studio, log: Path, requests: int) -> None:
    """Many first requests for one model at once."""
    with ThreadPoolExecutor(requests) as clients:
        for future in [clients.submit(use, studio, log, "big", n) for n in range(requests)]:
            future.result()


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core")
    requests = 40 if arguments.quick else 200
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "loads"
        with Studio(add=[allocating], home=home, plugins="core", memory_mb=BUDGET_MB) as studio:
            rush(studio, log, 50)
            print(f"50 concurrent first requests: {len(log.read_text().splitlines())} load  (aim 1)")
            sampler = squeeze(studio, log, requests)
        loads = Counter(line.split()[0] for line in log.read_text().splitlines())
    over = 100 * (sampler.peak_mb / BUDGET_MB - 1)
    print(f"{requests} requests for {MODELS_MB} MB in {BUDGET_MB} MB, {sum(loads.values())} loads: {dict(loads)}")
    print(f"peak of all workers {sampler.peak_mb:.0f} MB, {over:+.1f} % of the budget  (aim: at most +5 %)")
    print(f"`big` and `other` loaded together: {'yes' if sampler.together > 1 else 'never'}  (aim: never)")


if __name__ == "__main__":
    main()
