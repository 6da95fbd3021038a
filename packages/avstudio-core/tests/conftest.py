"""Shared by the tests of the core: plugins written for one test, and studios with worker processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from avstudio_core import Studio
from avstudio_core.testing import exercises

NUMBERS = count()
PREAMBLE = """
from __future__ import annotations
from avstudio_core import *
from avstudio_core.kinds.executor import Executor
from pydantic import Field
"""


@pytest.fixture
def write_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Make a plugin module from source; worker processes can import it, too. Its imports are there already."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    made: list[str] = []

    def write(source: str) -> ModuleType:
        name = f"plugin_{next(NUMBERS)}"
        (folder / f"{name}.py").write_text(PREAMBLE + dedent(source), encoding="utf-8")
        made.append(name)
        return import_module(name)

    yield write
    for name in made:
        sys.modules.pop(name, None)


OpenStudio = Callable[..., Studio]


@pytest.fixture
def open_studio(tmp_path: Path) -> Iterator[OpenStudio]:
    """Open studios, all on one data folder, which are closed at the end: `open_studio(plugin, executor="local")`."""
    opened: list[Studio] = []

    def make(*plugins: ModuleType, **settings: Any) -> Studio:
        given = {"home": tmp_path / "home", "executor": "inline", "offline": True, "plugins": "", **settings}
        opened.append(Studio(add=[exercises, *plugins], **given))
        return opened[-1]

    yield make
    for studio in opened:
        studio.close()
