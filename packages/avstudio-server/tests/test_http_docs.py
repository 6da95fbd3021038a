"""The page on files over HTTP: its commands and its program run against a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import avstudio_server.plugin
from avstudio_core import Studio
from avstudio_core.testing import media
from avstudio_server.testing.http_server import HttpServer

for library in ("fastapi", "avstudio_audio", "httpx2"):
    pytest.importorskip(library)

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "files-over-http.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_and_the_program_of_the_page_run(tmp_path: Path) -> None:
    import avstudio_audio

    media.tone(tmp_path / "song.wav")
    plugins = [avstudio_server.plugin, avstudio_audio]
    with (
        Studio(home=tmp_path / "home", executor="inline", plugins="", add=plugins) as studio,
        HttpServer(studio) as server,
    ):
        environment = os.environ | {"STUDIO": server.address, "KEY": server.key("read", "run")}
        options: dict[str, Any] = {
            "cwd": tmp_path,
            "env": environment,
            "capture_output": True,
            "text": True,
            "timeout": 60,
        }
        page = PAGE.read_text(encoding="utf-8")
        commands = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
        ran = subprocess.run(["bash", "-ec", "\n".join(commands)], **options)
        assert (ran.returncode, len(commands)) == (0, 4), ran.stdout + ran.stderr
        assert ran.stdout.count('"state":"COMPLETED"') == 2
        assert '"files":1' in ran.stdout
        assert (tmp_path / "header.bin").stat().st_size == 44
        for program in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
            ran = subprocess.run([sys.executable, "-c", program], **options)
            assert ran.stdout.startswith("art_"), ran.stderr
