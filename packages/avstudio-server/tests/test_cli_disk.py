"""A full disk, and folders that cannot be written."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine


@pytest.fixture
def cramped(avstudio: CommandLine) -> Iterator[CommandLine]:
    """A command with a data folder on a small disk."""
    avstudio.home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(avstudio.home)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    avstudio.environment["AVSTUDIO_LEASE_SECONDS"] = "2"
    yield avstudio
    subprocess.run(["umount", str(avstudio.home)], check=True)


def fill(avstudio: CommandLine) -> None:
    """Take all the space that is left."""
    with contextlib.suppress(OSError), (avstudio.home / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


@pytest.mark.parametrize("number", [None, signal.SIGINT])
def test_a_disk_that_fills_up_ends_the_command(cramped: CommandLine, number: signal.Signals | None) -> None:
    with cramped.start("time", "wait", "--seconds", "50", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while "waiting" not in process.stderr.readline():
            pass
        fill(cramped)
        if number is not None:
            os.kill(process.pid, number)
        said = process.stderr.read()
    assert process.returncode == 4
    assert "avstudio: No space is left for" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_an_output_folder_that_cannot_be_is_refused_before_anything_runs(avstudio: CommandLine, note: Path) -> None:
    for folder, code, said in (("x" * 300, 4, "File name too long"), ("", 2, "'--output' is empty")):
        refused = avstudio("text", "shout", note, "-o", folder)
        assert refused.code == code
        assert said in refused.err
        assert "started" not in refused.err


def test_a_folder_in_the_way_of_one_file_keeps_all_from_being_written(avstudio: CommandLine, note: Path) -> None:
    (avstudio.folder / "out" / "twins-right-twin.txt").mkdir(parents=True)
    refused = avstudio("text", "twins", note, "-o", "out", "--overwrite")
    assert refused.code == 4
    assert "'out/twins-right-twin.txt' is a folder" in refused.err
    assert len(list((avstudio.folder / "out").iterdir())) == 1


def test_a_full_output_disk_is_left_without_any_of_the_files(cramped: CommandLine, note: Path) -> None:
    cramped.environment["AVSTUDIO_HOME"] = str(cramped.folder / "elsewhere")
    out = cramped.home / "out"
    out.mkdir()
    fill(cramped)
    full = cramped("text", "twins", note, "-o", out)
    assert full.code == 4
    assert f"No space is left for '{out}" in full.err
    assert list(out.iterdir()) == []
