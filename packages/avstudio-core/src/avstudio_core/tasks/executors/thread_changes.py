"""What a run changes for the whole process, when it runs on a thread of the user's process.

Other threads may change the folder and the environment meanwhile, so a comparison would blame the run for them. Python
raises an audit event for each change, on the thread that makes it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from functools import cache
from typing import Any, Self

from avstudio_core.results import CodedWarning
from avstudio_core.tasks.executors.shared_state import (
    environment_changed,
    folder,
    folder_changed,
    restored_variables,
    variables,
)

EVENTS = ("os.chdir", "os.putenv", "os.unsetenv")


class ThreadChanges:
    """The changes that the current thread makes in a `with` block; they are undone at its end."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._variables: dict[bytes, bytes | None] = {}

    def __enter__(self) -> Self:
        _listen()
        _NOTING[threading.get_ident()] = self
        return self

    def __exit__(self, *_: object) -> None:
        del _NOTING[threading.get_ident()]
        self.undone()

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Record the state before a change."""
        if event == "os.chdir":
            self._folder = self._folder or folder()
        else:
            self._variables.setdefault(arguments[0], variables().get(arguments[0]))

    def undone(self) -> list[CodedWarning]:
        """Undo the changes until now, and return their descriptions."""
        changes = []
        if self._folder is not None and folder() != self._folder:
            with contextlib.suppress(OSError):  # it was removed
                os.chdir(self._folder)
                changes.append(folder_changed())
        if names := restored_variables(dict(self._variables)):
            changes.append(environment_changed(names))
        self._folder = None
        self._variables.clear()
        return changes


_NOTING: dict[int, ThreadChanges] = {}
"""The changes of each thread with a run."""


@cache
def _listen() -> None:
    """Listen to audit events; Python does not allow to end that."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event in EVENTS and (changes := _NOTING.get(threading.get_ident())) is not None:
        changes.note(event, arguments)
