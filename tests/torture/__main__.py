"""Run the torture test, and print its result."""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.torture import checks
from tests.torture.supervisor import Supervisor


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--tasks", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="replays who is killed, and where")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    began = time.monotonic()
    supervisor = Supervisor(folder, given.seed, given.kills, given.tasks)
    supervisor.torture()
    lasted = time.monotonic() - began
    supervisor.heal(60.0)
    found = list(checks.faults(supervisor.desk))
    report(supervisor, lasted)
    print(f"{len(found)} faults", *found[:50], sep="\n", flush=True)
    if found or given.keep:
        print(f"The data folder is {folder}, the seed {given.seed}.")
    else:
        shutil.rmtree(folder)
    return 1 if found else 0


def report(supervisor: Supervisor, lasted: float) -> None:
    kills = supervisor.figures.kills
    print(f"{supervisor.desk.acknowledged()} tasks acknowledged, {kills.total()} kills, {lasted:.0f} s")
    print(f"  {len(supervisor.figures.pauses):4d}  suspended beyond its lease, and resumed")
    print(*(f"  {count:4d}  {where}" for where, count in sorted(kills.items())), sep="\n")
    taken_back = checks.recoveries(supervisor.desk, supervisor.figures.deaths, supervisor.figures.pauses)
    if len(taken_back) > 1:
        cuts = statistics.quantiles(taken_back, n=100, method="inclusive")
        said = f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, most {taken_back[-1]:.2f} s"
        print(f"from a studio's death until its tasks were taken back: {said} ({len(taken_back)} deaths)")


if __name__ == "__main__":
    sys.exit(main())
