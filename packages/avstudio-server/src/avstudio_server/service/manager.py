"""What starts programs for a user, and keeps them running: launchd on macOS, systemd on Linux."""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from avstudio_core.errors import InvalidInput, StorageError
from avstudio_core.quotes import quoted

SECONDS = 60.0
"""How long a command of the system may take."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program that runs as long as its user is logged in."""

    name: str
    command: tuple[str, ...]
    """The program, with its whole path, and its arguments."""
    environment: Mapping[str, str]


class Manager(ABC):
    """Writes the files of services for the user, never for the system, and starts and stops them."""

    name: str
    ending: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def label(self, name: str) -> str:
        """The manager's name for a service."""

    @abstractmethod
    def text(self, service: Service) -> str:
        """The file of a service. Raises `InvalidInput` for text that cannot be written in it."""

    @abstractmethod
    def start(self, name: str) -> str:
        """Start a service now and after each login; return why that is not possible, or nothing."""

    @abstractmethod
    def stop(self, name: str) -> str:
        """Stop a service, and do not start it again; return why that is not possible, or nothing."""

    @abstractmethod
    def state(self, name: str) -> str:
        """What a service does now: `running`, or why it does not."""

    def path(self, name: str) -> Path:
        """The file of a service."""
        return self.folder / f"{self.label(name)}{self.ending}"

    def installed(self) -> list[str]:
        """The names of the services that have a file."""
        before = self.label("")
        return [path.name.removeprefix(before).removesuffix(self.ending) for path in self._files(before)]

    def write(self, service: Service) -> None:
        """Write a service's file. Raises `StorageError`."""
        path, text = self.path(service.name), self.text(service)
        partial = path.with_name(f"{path.name}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8")
            partial.chmod(0o600)
            partial.replace(path)
        except OSError as error:
            raise StorageError.of(error, path) from error

    def remove(self, name: str) -> None:
        """Remove a service's file. Raises `StorageError`."""
        try:
            self.path(name).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError.of(error, self.path(name)) from error

    def _files(self, before: str) -> list[Path]:
        return sorted(self.folder.glob(f"{before}*{self.ending}")) if self.folder.is_dir() else []


def ran(*words: str) -> tuple[int, str]:
    """The exit code of a command of the system, and what it printed; 127 if there is no such command."""
    environment = os.environ | {"LC_ALL": "C"}
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return done.returncode, (done.stdout + done.stderr).strip()


def valid(text: str) -> str:
    """Text that a file in UTF-8 can have. Raises `InvalidInput`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"{quoted(text)} is not text in UTF-8, and cannot be in a service's file.") from None
    return text
