"""The real command, each run in a new process, with its own data folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from avstudio_server.testing.fork_server import ForkServer, fork_server, request

COMMAND = (sys.executable, "-P", "-m", "avstudio_server")
TIMEOUT_SECONDS = 280.0
THRIFT = ("AVSTUDIO_THREADS", "OMP_NUM_THREADS")
"""What limits the threads of tests also limits those of their commands: on a busy machine, threads of libraries that
wait for each other take many times as long."""


@dataclass(frozen=True)
class Outcome:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document that it printed with `--json`."""
        return json.loads(self.out)


class CommandLine:
    """`avstudio` as a user runs it, with its data folder and home below `folder`.

    `packages` are folders that are also searched for plugins; `plugins` names those to load. `server` starts the
    commands, if not the one that all tests share.

    ```python
    avstudio = CommandLine(tmp_path)
    assert avstudio("audio", "loudness", "song.flac").code == 0
    ```
    """

    def __init__(
        self, folder: Path, packages: Sequence[Path] = (), plugins: str | None = None, server: ForkServer | None = None
    ) -> None:
        self.folder = folder
        self._server = server
        self.home = folder / "home"
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "AVSTUDIO_HOME": str(self.home),
            "PYTHONPATH": os.pathsep.join(map(str, packages)),
            "COLUMNS": "100",
            **{name: os.environ[name] for name in THRIFT if name in os.environ},
        }
        if plugins is not None:
            self.environment["AVSTUDIO_PLUGINS"] = plugins

    def __call__(self, *arguments: str | Path, stdin: str | None = None, **environment: str) -> Outcome:
        """Run a command to its end."""
        words, setting = [str(argument) for argument in arguments], self.environment | environment
        made = request(words, setting, self.folder)
        return self._alone(words, setting, stdin) if made is None else self._forked(made, stdin)

    def printed(self, *arguments: str) -> str:
        """What a command prints to stdout and to stderr, in the order in which it prints them."""
        made = request(arguments, self.environment, self.folder)
        with TemporaryFile("w+") as given, TemporaryFile("w+") as both:
            if made is None:
                self.start(*arguments, stdin=given, stdout=both, stderr=both).wait(TIMEOUT_SECONDS)
            else:
                (self._server or fork_server()).run(made, (given, both, both), TIMEOUT_SECONDS)
            both.seek(0)
            return both.read()

    def _alone(self, words: Sequence[str], environment: dict[str, str], stdin: str | None) -> Outcome:
        done = subprocess.run(
            [*COMMAND, *words],
            env=environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def _forked(self, made: bytes, stdin: str | None) -> Outcome:
        with TemporaryFile("w+") as given, TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            given.write(stdin or "")
            given.seek(0)
            code = (self._server or fork_server()).run(made, (given, out, err), TIMEOUT_SECONDS)
            out.seek(0)
            err.seek(0)
            return Outcome(code, out.read(), err.read())

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Start the command; `options` are those of `subprocess.Popen`."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)], env=self.environment, cwd=self.folder, text=True, **options
        )
