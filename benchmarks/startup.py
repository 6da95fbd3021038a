"""P14: how long a command takes to say something, everything installed, beside Python, Click and Typer themselves.

All commands run in turns, so that a drift of the machine falls on all alike. The catalogue is in its cache, as it is
after the first command of an installation; `AVSTUDIO_HOME` is a folder of the benchmark's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import paired

CLICK = """
import click
@click.command()
@click.option("--name", default="x", help="A name.")
def main(name): click.echo(name)
main(["--help"])
"""
TYPER = """
import typer
def main(name: str = typer.Option("x", help="A name.")): print(name)
import sys; sys.argv = ["main", "--help"]
typer.run(main)
"""
AVSTUDIO = str(Path(sys.executable).with_name("avstudio"))
COMMANDS: dict[str, Sequence[str]] = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "click, one command, --help": (sys.executable, "-c", CLICK),
    "typer, one command, --help": (sys.executable, "-c", TYPER),
    "avstudio --version": (AVSTUDIO, "--version"),
    "avstudio --help": (AVSTUDIO, "--help"),
    "avstudio audio separate --help": (AVSTUDIO, "audio", "separate", "--help"),
}
AIMS_MS = {"avstudio --version": 60, "avstudio --help": 150}


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-server", "avstudio-audio", "typer", "click")
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "AVSTUDIO_HOME": home}
        for number in range(11 if arguments.quick else 51):
            for name, command in COMMANDS.items():
                taken = paired.timed(lambda: subprocess.run(command, env=environment, check=True, capture_output=True))  # noqa: B023
                if number:  # the first run fills the caches
                    times[name].append(1000 * taken)
    for name, values in times.items():
        ratio = paired.ratio(values, times["python -c pass"])
        aim = f"  (aim {AIMS_MS[name]})" if name in AIMS_MS else ""
        p50, least = paired.quantile(values, 0.5), min(values)
        print(f"{name:32s} p50 {p50:6.1f} ms, least {least:6.1f} ms, ×{ratio.median:.1f} python{aim}")


if __name__ == "__main__":
    main()
