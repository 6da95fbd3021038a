"""Send mutants and bombs to a server, and print how they were answered."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.hostile_media.attack import VIDEO_PROCESSORS, attack
from tests.hostile_media.bombs import bombs
from tests.hostile_media.mutants import films, mutants


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile_media", description=__doc__)
    parser.add_argument("--mutants", type=int, default=600)
    parser.add_argument("--bombs", type=int, default=1000, help="at most so many")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="replays the mutants")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home, attack(Path(home)) as attacked:
        attacked.send(mutants(given.mutants, given.seed))
        attacked.send(mutants(given.mutants, given.seed, films()), VIDEO_PROCESSORS)
        attacked.send(list(bombs())[: given.bombs])
        faults = [*attacked.faults, *([] if attacked.health() else ["The server has died."])]
        for answer, count in attacked.answers.most_common():
            print(f"{count:6} {answer}")
        seconds, name = attacked.slowest
        print(f"the most memory of a worker: {attacked.memory:.0f} MB; the slowest answer: {seconds:.1f} s, for {name}")
    print(f"{time.monotonic() - began:.0f} s, {len(faults)} faults", *faults[:50], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
