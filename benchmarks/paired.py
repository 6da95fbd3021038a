"""Comparing two ways to do the same work: interleaved runs, the median of the ratios of pairs, and its interval."""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

RESAMPLES = 2000


@dataclass(frozen=True)
class Ratio:
    """The first measure over the second, from pairs of runs; `low` and `high` bound the median at 95 %."""

    median: float
    low: float
    high: float
    pairs: int

    def __str__(self) -> str:
        return f"{self.median:.3f} (95 % {self.low:.3f} to {self.high:.3f}, {self.pairs} pairs)"


def interleaved(ours: Callable[[], float], theirs: Callable[[], float], pairs: int) -> tuple[list[float], list[float]]:
    """Measure both so many times, in the order ours, theirs, theirs, ours, so that a drift falls on both alike."""
    first: list[float] = []
    second: list[float] = []
    for number in range(pairs):
        if number % 2:
            second.append(theirs())
            first.append(ours())
        else:
            first.append(ours())
            second.append(theirs())
    return first, second


def ratio(first: Sequence[float], second: Sequence[float]) -> Ratio:
    """The median of the per-pair ratios, with a bootstrap interval (Efron's percentiles)."""
    each = [one / other for one, other in zip(first, second, strict=True)]
    dice = random.Random(0)
    medians = sorted(statistics.median(dice.choices(each, k=len(each))) for _ in range(RESAMPLES))
    low, high = medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES)]
    return Ratio(statistics.median(each), low, high, len(each))


def timed(work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor_time(ours: Callable[[], object], theirs: Callable[[], object], pairs: int) -> Ratio:
    """The ratio of processor time, which other programs on the machine hardly change."""

    def spent(work: Callable[[], object]) -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return ratio(*interleaved(lambda: spent(ours), lambda: spent(theirs), pairs))


def quantile(values: Sequence[float], fraction: float) -> float:
    """The smallest value that is not below so great a fraction of all."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]


def arguments(description: str | None, **more: str) -> argparse.Namespace:
    """The command line that every benchmark has, with `more` options and what they take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller runs, for a first look")
    for name, meaning in more.items():
        parser.add_argument(f"--{name}", help=meaning)
    return parser.parse_args()


def headline(*packages: str) -> None:
    """Print the command line, the machine, and the versions of what is measured."""
    print(f"$ python {' '.join(sys.argv)}")
    print(
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, {platform.python_version()}"
    )
    print(", ".join(f"{package} {version(package)}" for package in packages), flush=True)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
