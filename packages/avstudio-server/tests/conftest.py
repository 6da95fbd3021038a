"""A small world for the command: a data folder of its own, and a third party's plugin that is found as any other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SKETCH = Path(__file__).with_name("sketch")
COMMAND = [sys.executable, "-P", "-m", "avstudio_server"]


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Avstudio:
    """Runs the real command in processes of its own."""

    def __init__(self, folder: Path, plugins: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AVSTUDIO_HOME": str(self.home),
            "AVSTUDIO_PLUGINS": "core,sketch",
            "AVSTUDIO_CANCEL_SECONDS": "0.5",
            "PYTHONPATH": str(plugins),
            "COLUMNS": "100",
        }

    def __call__(self, *arguments: str | Path, stdin: str | None = None, **environment: str) -> Outcome:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            env=self.environment | environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        """The command, running."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)], env=self.environment, cwd=self.folder, text=True, **options
        )


@pytest.fixture(scope="session")
def sketch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with the plugin in it."""
    return Path(shutil.copytree(SKETCH, tmp_path_factory.mktemp("plugins") / "sketch"))


@pytest.fixture
def avstudio(tmp_path: Path, sketch: Path) -> Avstudio:
    return Avstudio(tmp_path, sketch)


@pytest.fixture(scope="session")
def reading(tmp_path_factory: pytest.TempPathFactory, sketch: Path) -> Avstudio:
    """A command whose data folder tests share; for those that leave nothing behind."""
    return Avstudio(tmp_path_factory.mktemp("reading"), sketch)


@pytest.fixture
def note(tmp_path: Path) -> Iterator[Path]:
    """A text file."""
    path = tmp_path / "note.txt"
    path.write_text("hello\n")
    yield path
