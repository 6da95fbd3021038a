"""What a run on one thread changes for its whole process, and the files that it leaves in the working folder.

Other threads of a user's process may change the same meanwhile, so a comparison would blame the run for it. Python
raises an audit event for each change, on the thread that makes it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from functools import cache
from typing import Any, Self

from avstudio_core.quotes import quoted
from avstudio_core.results import CodedWarning
from avstudio_core.tasks.executors.shared_state import (
    environment_changed,
    folder,
    folder_changed,
    restored_variables,
    variables,
)

VARIABLES = ("os.putenv", "os.unsetenv")
EVENTS = ("open", "os.chdir", *VARIABLES)
MOST_NAMES = 10
WRITES = os.O_WRONLY | os.O_RDWR


class ThreadChanges:
    """The changes that the current thread makes in a `with` block; they are undone at its end."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._variables: dict[bytes, bytes | None] = {}
        self._written: dict[str, None] = {}
        """The relative names of files that were opened for writing."""

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
        elif event in VARIABLES:
            self._variables.setdefault(arguments[0], variables().get(arguments[0]))
        elif self._folder is None and _writes_here(*arguments):
            self._written[os.fsdecode(arguments[0])] = None

    def undone(self) -> list[CodedWarning]:
        """Undo the changes until now, and return their descriptions; files stay where they are."""
        if self._folder is None and not self._variables and not self._written:
            return []
        changes = []
        here = self._folder or folder()
        if left := [quoted(name) for name in self._written if os.path.exists(os.path.join(here, name))]:
            message = f"The run wrote to the working folder: {', '.join(left[:MOST_NAMES])}."
            changes.append(CodedWarning(code="left_files", message=message))
        if self._folder is not None and folder() != self._folder:
            with contextlib.suppress(OSError):  # it was removed
                os.chdir(self._folder)
                changes.append(folder_changed())
        if changed := restored_variables(dict(self._variables)):
            changes.append(environment_changed(changed))
        self._folder = None
        self._variables.clear()
        self._written.clear()
        return changes


_NOTING: dict[int, ThreadChanges] = {}
"""The changes of each thread with a run."""


@cache
def _listen() -> None:
    """Listen to audit events; Python does not allow to end that.

    What the listener needs is not looked up in the module, which is emptied before the last events of a process.
    """
    events, noting, thread = EVENTS, _NOTING, threading.get_ident

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event in events and (changes := noting.get(thread())) is not None:
            changes.note(event, arguments)

    sys.addaudithook(hear)


def _writes_here(path: object, _mode: object, flags: int) -> bool:
    """Whether a file is opened for writing by a relative name."""
    return isinstance(path, str | bytes | os.PathLike) and bool(flags & WRITES) and not os.path.isabs(path)
