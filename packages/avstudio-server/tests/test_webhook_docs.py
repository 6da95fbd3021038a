"""The page on webhooks: its commands and its receiver run against a server."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import avstudio_server.plugin
from avstudio_core import Studio
from avstudio_core.testing import media
from avstudio_server.testing.http_server import HttpServer

for library in ("fastapi", "avstudio_audio"):
    pytest.importorskip(library)

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "webhooks.md"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_and_the_receiver_of_the_page_run(tmp_path: Path) -> None:
    import avstudio_audio

    media.tone(tmp_path / "song.wav")
    page, port = PAGE.read_text(encoding="utf-8"), free_port()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    commands = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    plugins = [avstudio_server.plugin, avstudio_audio]
    environment = os.environ | {"PORT": str(port), "SECRET": "whsec_" + "YWJj" * 12}
    with (
        Studio(home=tmp_path / "home", executor="inline", plugins="", add=plugins, webhook_hosts="127.0.0.1") as studio,
        HttpServer(studio) as server,
        subprocess.Popen(
            [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
        ) as receiver,
    ):
        environment |= {"STUDIO": server.address, "KEY": server.key("read", "run")}
        environment |= {"HOOK": f"http://127.0.0.1:{port}/"}
        try:
            ran = subprocess.run(
                ["bash", "-ec", "\n".join(commands)], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert (ran.returncode, len(commands)) == (0, 2), ran.stdout + ran.stderr
            assert ran.stdout.lower().count("idempotency-replayed: true") == 1
            assert receiver.stdout is not None
            assert receiver.stdout.readline().startswith("task.completed task_")
            assert len(studio.tasks.find()) == 1
        finally:
            receiver.kill()
