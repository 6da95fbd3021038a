"""P14: how long the command takes to start, beside Python alone and the libraries that it is made with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import paired

COMMANDS = {"--version": 60, "--help": 150, "audio separate --help": 150, "plugins": 0}
"""With everything installed; milliseconds to stay under, where one is promised."""
BESIDE = {
    "python": "pass",
    "import click": "import click",
    "import typer": "import typer",
    "import rich": "import rich.console",
}


def milliseconds(command: list[str], environment: dict[str, str], runs: int) -> tuple[float, float]:
    """The least and the median of some runs, after one that fills the caches."""
    times = [
        1000 * paired.timed(lambda: subprocess.run(command, env=environment, capture_output=True, check=True))
        for _ in range(runs + 1)
    ]
    return min(times[1:]), paired.quantile(times[1:], 0.5)


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-server", "typer", "pydantic")
    script = shutil.which("avstudio", path=str(Path(sys.executable).parent)) or "avstudio"
    runs = 5 if arguments.quick else 25
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"AVSTUDIO_HOME": home}
        for said, limit in COMMANDS.items():
            least, median = milliseconds([script, *said.split()], environment, runs)
            aim = f"  (aim {limit})" if limit else ""
            print(f"avstudio {said}: median {median:.0f} ms, least {least:.0f} ms{aim}")
        for name, code in BESIDE.items():
            least, median = milliseconds([sys.executable, "-c", code], environment, runs)
            print(f"  {name}: median {median:.0f} ms, least {least:.0f} ms")


if __name__ == "__main__":
    main()
