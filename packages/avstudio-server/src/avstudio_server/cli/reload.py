"""`--reload`, for those who write plugins: an interface that starts again whenever a file of a plugin changes."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from avstudio_core.hook_marker import GROUP
from avstudio_server.cli.terminal import output

FLAG = "--reload"
LOOK_SECONDS = 0.25
"""How often the files are looked at."""
END_SECONDS = 30.0
"""How long the interface may take to end before it is killed."""


def again(arguments: Sequence[str]) -> list[str]:
    """The command line of this process without the option."""
    return [sys.executable, *(one for one in arguments[1:] if one != FLAG)]


def serve(command: Sequence[str], stop: threading.Event) -> int:
    """Run a command until `stop` is set, and again whenever a file of a plugin changes; return its exit code."""
    from avstudio_server.http.browsers import KEPT

    environment = {**os.environ, KEPT: secrets.token_urlsafe(32)}
    seen, process = _stamps(), subprocess.Popen(command, env=environment)
    while not stop.wait(LOOK_SECONDS):
        if (now := _stamps()) == seen:
            continue
        changed = sorted(path.name for path, _ in now.items() ^ seen.items())
        output.note(f"avstudio: {changed[0]} has changed. Starting again.")
        _end(process)
        seen, process = now, subprocess.Popen(command, env=environment)
    return _end(process)


def _end(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    try:
        return process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _stamps() -> dict[Path, int]:
    """When each file of a plugin was changed."""
    found = dict[Path, int]()
    for place in _places():
        for path in place.rglob("*.py") if place.is_dir() else [place]:
            with contextlib.suppress(OSError):
                found[path] = path.stat().st_mtime_ns
    return found


def _places() -> Iterator[Path]:
    """The folder of the package, or the file of the module, of each installed plugin."""
    for name in {entry.module.partition(".")[0] for entry in entry_points(group=GROUP)}:
        with contextlib.suppress(ImportError, ValueError):
            spec = find_spec(name)
            if spec is not None and spec.submodule_search_locations:
                yield from map(Path, spec.submodule_search_locations)
            elif spec is not None and spec.origin is not None:
                yield Path(spec.origin)
