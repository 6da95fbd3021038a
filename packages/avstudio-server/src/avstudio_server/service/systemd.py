"""User units of systemd."""

from __future__ import annotations

import os
import re
from pathlib import Path

from avstudio_core.paths import home_folder
from avstudio_server.service.manager import Manager, Service, ran, valid

UNIT = """\
# Written by 'avstudio service install'; 'avstudio service uninstall' removes it.
[Unit]
Description=AV-Studio: {name}
StartLimitIntervalSec=120
StartLimitBurst=10

[Service]
Type=exec
ExecStart=:{command}
{environment}Restart=always
RestartSec=5
RestartPreventExitStatus=2
KillMode=mixed
TimeoutStopSec=60
UMask=0077
NoNewPrivileges=true

[Install]
WantedBy=default.target
"""
"""The `:` keeps systemd from replacing variables. Exit code 2 is an invalid command line, which no restart repairs."""
UNSAFE = re.compile(r"""["'\\\x00-\x1f\x7f]""")
"""What systemd refuses in the name of a program, in quotes or not."""
SHELL = ("/bin/sh", "-c", 'exec "$0" "$@"')
"""Runs such a program, and becomes it."""
STATES = {"active": "running", "inactive": "stopped", "activating": "starting", "deactivating": "stopping"}


class Systemd(Manager):
    """The systemd of a user."""

    name = "systemd"
    ending = ".service"

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder or _config() / "systemd" / "user")

    def label(self, name: str) -> str:
        return f"avstudio-{name}"

    def text(self, service: Service) -> str:
        environment = (f"Environment={word(f'{name}={value}')}\n" for name, value in service.environment.items())
        words = (*SHELL, *service.command) if UNSAFE.search(service.command[0]) else service.command
        command = " ".join(word(one) for one in words)
        return UNIT.format(name=service.name, command=command, environment="".join(environment))

    def start(self, name: str) -> str:
        unit = self.path(name).name
        return _systemctl("daemon-reload") or _systemctl("enable", unit) or _systemctl("restart", unit)

    def stop(self, name: str) -> str:
        return _systemctl("disable", "--now", self.path(name).name)

    def remove(self, name: str) -> None:
        super().remove(name)
        _systemctl("daemon-reload")  # or it keeps the unit in memory

    def state(self, name: str) -> str:
        code, printed = ran("systemctl", "--user", "show", "--value", "--property=ActiveState", self.path(name).name)
        return STATES.get(printed, printed) if code == 0 else f"unknown: {_absent(printed)}"


def word(text: str) -> str:
    """A word in a unit's file: in quotes, with escapes, and without specifiers such as `%h`."""
    escaped = valid(text).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + "".join(one if one >= " " and one != "\x7f" else f"\\x{ord(one):02x}" for one in escaped) + '"'


def _systemctl(*words: str) -> str:
    """Why a command failed, or nothing."""
    code, printed = ran("systemctl", "--user", *words)
    return "" if code == 0 else _absent(printed)


def _absent(printed: str) -> str:
    """The reason in one line; systemd does not run in most containers, nor without a login."""
    if "bus" in printed or "No such file" in printed or "not been booted" in printed or not printed:
        return "systemd is not running for this user"
    return printed.partition("\n")[0]


def _config() -> Path:
    given = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(given) if given.startswith("/") else home_folder() / ".config"
