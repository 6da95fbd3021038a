"""Agents of launchd, the service manager of macOS."""

from __future__ import annotations

import os
import plistlib
import re
from pathlib import Path

from avstudio_core.errors import InvalidInput
from avstudio_core.paths import home_folder
from avstudio_server.service.manager import Manager, Service, ran, valid

NOT_LOADED = 113
"""The exit code of `launchctl print` for an unknown service."""


class Launchd(Manager):
    """The launchd of a user."""

    name = "launchd"
    ending = ".plist"

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder or home_folder() / "Library" / "LaunchAgents")

    def label(self, name: str) -> str:
        return f"av-studio.{name}"

    def text(self, service: Service) -> str:
        log = str(home_folder() / "Library" / "Logs" / f"{self.label(service.name)}.log")
        values = {
            "Label": self.label(service.name),
            "ProgramArguments": [valid(one) for one in service.command],
            "EnvironmentVariables": {name: valid(value) for name, value in service.environment.items()},
            "RunAtLoad": True,
            "KeepAlive": True,
            "ThrottleInterval": 10,
            "ExitTimeOut": 60,
            "Umask": 0o077,
            "StandardOutPath": log,
            "StandardErrorPath": log,
        }
        try:
            return plistlib.dumps(values).decode()
        except ValueError:
            raise InvalidInput("A path or an argument contains a control character.") from None

    def start(self, name: str) -> str:
        ran("launchctl", "bootout", self._target(name))
        return self._launchctl("bootstrap", f"gui/{os.getuid()}", str(self.path(name)))

    def stop(self, name: str) -> str:
        code, printed = ran("launchctl", "bootout", self._target(name))
        return "" if code in (0, 3, NOT_LOADED) else printed.partition("\n")[0]

    def state(self, name: str) -> str:
        code, printed = ran("launchctl", "print", self._target(name))
        if code == NOT_LOADED:
            return "stopped"
        if code != 0:
            return "unknown: launchd is not running for this user"
        found = re.search(r"^\s*state = (.+)$", printed, re.MULTILINE)
        return found[1] if found else "unknown"

    def _target(self, name: str) -> str:
        return f"gui/{os.getuid()}/{self.label(name)}"

    def _launchctl(self, *words: str) -> str:
        code, printed = ran("launchctl", *words)
        return "" if code == 0 else (printed.partition("\n")[0] or "launchd is not running for this user")
