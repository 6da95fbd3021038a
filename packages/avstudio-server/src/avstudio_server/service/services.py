"""Which services a user can install: interfaces, and Ollama; and the manager of this system."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from avstudio_core.errors import InvalidInput, NotFound, Unavailable
from avstudio_core.paths import home_folder, user_path
from avstudio_core.quotes import quoted
from avstudio_server.service.launchd import Launchd
from avstudio_server.service.manager import Manager, Service
from avstudio_server.service.systemd import Systemd

STANDARD = ("serve", "mcp")
"""The interfaces that are installed if no service is named."""
OLLAMA = "ollama"
OLLAMA_ELSEWHERE = (
    "/etc/systemd/system/ollama.service",
    "/usr/lib/systemd/system/ollama.service",
    "/Applications/Ollama.app",
    "~/Library/LaunchAgents/homebrew.mxcl.ollama.plist",
    "~/.config/systemd/user/ollama.service",
)
"""What shows that something else starts Ollama."""
CARRIED = ("PATH",)
OLLAMA_CARRIED = ("PATH", "OLLAMA_HOST", "OLLAMA_MODELS")
"""The variables that a service, and that of Ollama, gets from this environment: none has a secret."""
FILE = "AVSTUDIO_SETTINGS"
SECRET = re.compile(r"\b(avs_|sk-)[\w-]{12,}|--?([\w-]+-)?(token|secret|password|api-?key)(=|$)", re.IGNORECASE)


def manager() -> Manager:
    """The service manager of this system. Raises `Unavailable`."""
    if sys.platform == "darwin":
        return Launchd()
    if sys.platform == "linux":
        return Systemd()
    raise Unavailable(f"Services need macOS or Linux, and this is {quoted(sys.platform)}.")


def chosen(interfaces: Collection[str], home: Path, name: str | None, arguments: Sequence[str]) -> list[Service]:
    """The named service, or the standard ones: those that are installed, and Ollama if nothing else starts it.

    Raises `NotFound` for a name that is not an interface, and `InvalidInput` for an argument that may be a secret.
    """
    for one in arguments:
        if SECRET.search(one):
            hint = "Every user of a machine can see the arguments of a program: set a secret in the studio."
            raise InvalidInput("An argument looks like a secret.", hint=hint)
    if name is None:
        names = [one for one in STANDARD if one in interfaces]
        names += [OLLAMA] if shutil.which(OLLAMA) and not ollama_elsewhere() else []
        if not names:
            raise NotFound("No interface of a server is installed.", hint=f"Name one of: {_listed(interfaces)}.")
        return [service(one, home, ()) for one in names]
    if name not in interfaces and name != OLLAMA:
        raise NotFound.among("interface", name, [*interfaces, OLLAMA])
    return [service(name, home, arguments)]


def service(name: str, home: Path, arguments: Sequence[str]) -> Service:
    """The service of an interface, or of Ollama. Raises `Unavailable` without Ollama."""
    if name == OLLAMA:
        if (program := shutil.which(OLLAMA)) is None:
            raise Unavailable("Ollama is not installed.", hint="Install it, and try again.")
        return Service(name, (os.path.abspath(program), "serve", *arguments), _set(OLLAMA_CARRIED))
    command = (sys.executable, "-P", "-m", "avstudio_server", name, *arguments)
    settings = {FILE: str(user_path(os.environ[FILE]).absolute())} if os.environ.get(FILE) else {}
    return Service(name, command, {"AVSTUDIO_HOME": str(home)} | settings | _set(CARRIED))


def ollama_elsewhere() -> str:
    """What starts Ollama already; empty if nothing does."""
    places = [one.replace("~", str(home_folder()), 1) for one in OLLAMA_ELSEWHERE]
    return next((one for one in places if os.path.exists(one)), "")


def left_out() -> list[str]:
    """The variables of this environment that change settings, but do not reach a service."""
    known = {"AVSTUDIO_HOME", FILE}
    return sorted(name for name in os.environ if name.startswith("AVSTUDIO_") and name not in known)


def _set(names: Sequence[str]) -> dict[str, str]:
    return {one: os.environ[one] for one in names if os.environ.get(one)}


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted({*names, OLLAMA}))
