"""Commands as forks of a process that has imported everything: new processes, without the time that imports take."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

from avstudio_core import Studio

LARGEST_REQUEST = 100_000
"""Bytes. A longer one may not fit into one message of the socket."""
SCRIPTS = {"__main__", "migrations", "testing"}
"""What no command imports like a module."""


LIBRARIES = ("anyio", "h11", "httpcore2", "httpx2", "keyring", "openai", "secretstorage", "truststore")
"""What many commands import, if it is installed."""


class ForkServer:
    """Starts commands. It ends with the process that made it, or when it is closed.

    `environment` is that of the server itself, in which Python starts; each command has its own.
    """

    def __init__(self, **environment: str) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
            env={"PATH": os.environ.get("PATH", ""), **environment},
            pass_fds=[theirs.fileno()],
        )
        theirs.close()

    def close(self) -> None:
        """End the server; its commands have ended."""
        self._socket.close()
        self._process.wait()

    def run(self, request: bytes, streams: Sequence[IO[str]], timeout: float) -> int:
        """Run a command to its end. The result is its exit status, or the signal that ended it as a negative number.

        Raises:
            TimeoutError: It took longer than `timeout` seconds, and was killed.
        """
        ours, theirs = socket.socketpair()
        with ours, theirs:
            socket.send_fds(self._socket, [request], [*(stream.fileno() for stream in streams), theirs.fileno()])
            theirs.close()
            pid = int(ours.recv(20))
            ours.settimeout(timeout)
            try:
                return int(ours.recv(20))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise


@cache
def fork_server() -> ForkServer:
    """The one server of this process."""
    return ForkServer()


def request(arguments: Sequence[str], environment: dict[str, str], folder: Path) -> bytes | None:
    """A command for the server. None: only a process of its own can run it as a user would."""
    own = [name for name in environment if name.startswith(("PYTHON", "LC_", "LANG", "TZ")) and name != "PYTHONPATH"]
    made = json.dumps({"arguments": arguments, "environment": environment, "folder": str(folder)}).encode()
    return None if own or sys.platform != "linux" or len(made) > LARGEST_REQUEST else made


def _serve(requests: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a watcher
    while True:
        made, files, *_ = socket.recv_fds(requests, LARGEST_REQUEST, 4)
        if not made:
            return
        if os.fork() == 0:
            requests.close()
            _watch(made, *files)
        for file in files:
            os.close(file)


def _watch(made: bytes, *files: int) -> None:
    """Fork once more into the command, and wait for its end. Returns in the command only."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, answers = files
    command = os.fork()
    if command == 0:
        os.close(answers)
        _become(made, streams)
    with socket.socket(fileno=answers) as asker:
        asker.send(b"%-20d" % command)
        asker.send(b"%-20d" % os.waitstatus_to_exitcode(os.waitpid(command, 0)[1]))
    os._exit(0)


def _become(made: bytes, streams: Sequence[int]) -> NoReturn:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    asked = json.loads(made)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    importlib.invalidate_caches()
    sys.argv = ["avstudio", *asked["arguments"]]
    try:
        runpy.run_module("avstudio_server", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        _exit(end.code)
    _exit(0)


def _exit(code: object) -> NoReturn:
    """End as Python does, but leave the imported modules alone: to take them apart costs more than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else 1)


def _import_all() -> None:
    for package in ("avstudio_core", "avstudio_server"):
        folders = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(folders, f"{package}."):
            if not SCRIPTS.intersection(module.name.split(".")):
                importlib.import_module(module.name)
    for library in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    with tempfile.TemporaryDirectory() as home, Studio(home=home, executor="inline", offline=True) as studio:
        assert studio.catalogue  # Python and the studio remember what they have found and compiled


if __name__ == "__main__":
    _import_all()
    gc.freeze()  # a search for garbage would copy the memory that forks share
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        _serve(listener)
