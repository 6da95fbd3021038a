"""The plugin of this package: its commands and interfaces are registered like those of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_core import hookimpl

if TYPE_CHECKING:
    from avstudio_core import Command, Interface


@hookimpl
def register_commands() -> list[Command]:
    from avstudio_server.cli.command_table import COMMANDS

    return [*COMMANDS.values()]


@hookimpl
def register_interfaces() -> list[type[Interface[Any]]]:
    from avstudio_server.serve.interface import Serve

    return [Serve]
