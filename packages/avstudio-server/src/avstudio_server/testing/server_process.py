"""A server in a process of its own, which tests kill."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

PROGRAM = """
import json, sys
from avstudio_core import Studio
from avstudio_core.testing import exercises
from avstudio_server.testing.http_server import HttpServer
home, settings = sys.argv[1], json.loads(sys.argv[2])
with Studio(home=home, add=[exercises], executor="inline", plugins="", **settings) as studio:
    with HttpServer(studio) as server:
        print(server.address, flush=True)
        sys.stdin.read()
"""


class ServerProcess:
    """A server of a data folder, with the processors of `testing.exercises`, killed without warning at the end."""

    def __init__(self, home: Path, **settings: Any) -> None:
        command = [sys.executable, "-c", PROGRAM, str(home), json.dumps(settings)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def kill(self) -> None:
        """Kill the process as a power failure would."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
