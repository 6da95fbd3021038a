"""Shared by the tests of the core: plugins written for one test, and studios with worker processes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

import avstudio_core
from avstudio_core import Studio
from avstudio_core.testing import exercises

NUMBERS = count()
PREAMBLE = """
from __future__ import annotations
from avstudio_core import {names}
from avstudio_core.kinds.executor import Executor
from pydantic import Field
"""


@pytest.fixture
def write_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Make a plugin module from source, which has the public names that it mentions.

    Worker processes can import it, too, and may write notes to the test's folder.
    """
    folder = tmp_path / "plugins"
    folder.mkdir()
    monkeypatch.setenv("AVSTUDIO_WORKER_FOLDERS", str(tmp_path))
    monkeypatch.syspath_prepend(str(folder))
    made: list[str] = []

    def write(source: str) -> ModuleType:
        name = f"plugin_{next(NUMBERS)}"
        (folder / f"{name}.py").write_text(_imports(source) + dedent(source), encoding="utf-8")
        made.append(name)
        return import_module(name)

    yield write
    for name in made:
        sys.modules.pop(name, None)


def _imports(source: str) -> str:
    """Imports of the mentioned names alone: all of them would take each worker process three times as long."""
    names = set(re.findall(r"\w+", source)).intersection(avstudio_core.__all__)
    return PREAMBLE.format(names=", ".join(sorted({"hookimpl", *names})))


COPYING = """
class CopyParams(Params):
    text: str = Field("", description="A text to add.")
    beside: Artifact | None = Field(None, description="A file whose text is added, too.")
    others: list[Artifact] = Field([], description="More of them.")

class CopyResult(Result):
    made: Artifact = Field(description="The copy.")

class Copying(Processor[CopyParams, CopyResult]):
    "Copy a text."
    name = "text.copy"
    accepts = ("text/*",)
    def outputs(self, params):
        return {"made": "text/plain"}
    def run(self, source, params, context):
        path = context.new_path("copy.txt")
        files = [source, *([params.beside] if params.beside else []), *params.others]
        path.write_text("".join(file.path.read_text() for file in files) + params.text)
        return CopyResult(made=context.publish(path, "copy.txt", "text/plain"))

@hookimpl
def register_processors():
    return [Copying]
"""


@pytest.fixture
def copying(write_plugin: Callable[[str], ModuleType]) -> ModuleType:
    """A plugin that copies a text, with files beside it."""
    return write_plugin(COPYING)


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
