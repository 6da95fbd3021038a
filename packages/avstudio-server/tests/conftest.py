"""The command with its own data folder, and a third-party plugin that is found like any other."""

from __future__ import annotations

import compileall
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from avstudio_core import Studio
from avstudio_server.testing.command_line import CommandLine
from avstudio_server.testing.http_server import HttpServer


@pytest.fixture(scope="session")
def sketch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with the plugin in it, compiled as pip does: a folder that changes is read again."""
    folder = tmp_path_factory.mktemp("plugins") / "sketch"
    shutil.copytree(Path(__file__).with_name("sketch"), folder)
    compileall.compile_dir(folder, quiet=1)
    return folder


@pytest.fixture
def avstudio(tmp_path: Path, sketch: Path) -> CommandLine:
    command = CommandLine(tmp_path, [sketch], "core,sketch")
    command.environment["AVSTUDIO_CANCEL_SECONDS"] = "0.5"
    return command


@pytest.fixture
def inline(avstudio: CommandLine) -> CommandLine:
    """The command with its jobs in its own process: for tests that are about anything but worker processes.

    To start a worker takes three times as long as to run such a command.
    """
    avstudio.environment["AVSTUDIO_EXECUTOR"] = "inline"
    return avstudio


@pytest.fixture(scope="session")
def reading(tmp_path_factory: pytest.TempPathFactory, sketch: Path) -> CommandLine:
    """A command whose data folder tests share: for those that look at nothing in it."""
    return CommandLine(tmp_path_factory.mktemp("reading"), [sketch], "core,sketch")


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """A text file."""
    path = tmp_path / "note.txt"
    path.write_text("hello\n")
    return path


@pytest.fixture
def server(studio: Studio) -> Iterator[HttpServer]:
    """The HTTP server of the test's studio."""
    with HttpServer(studio) as made:
        yield made
