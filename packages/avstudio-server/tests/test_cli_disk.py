"""A disk that is full, or folders that cannot be written."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from avstudio_server.testing import CommandLine


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
