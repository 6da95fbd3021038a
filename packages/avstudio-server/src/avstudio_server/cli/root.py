"""The command tree: a group for each medium of the installed processors, the studio's commands, the interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avstudio_core.errors import PluginError
from avstudio_core.nearest import nearest
from avstudio_core.quotes import quoted
from avstudio_server.cli.command_table import COMMANDS
from avstudio_server.cli.exits import MEANINGS
from avstudio_server.cli.groups import Group, built, summaries, write
from avstudio_server.cli.terminal import output
from avstudio_server.views.installed import Installed

if TYPE_CHECKING:
    from avstudio_core import Command, Declaration

TITLES = {"llm": "Language models"}


class Medium(Group):
    """The commands of one medium, generated and handwritten; each is built when it is first used."""

    def __init__(
        self, name: str, declarations: dict[str, Declaration], written: dict[str, Command], broken: Iterable[str]
    ) -> None:
        self._written = written
        listed = ", ".join({**self._written, **declarations})
        title = TITLES.get(name, name.capitalize())
        super().__init__(name=name, help=f"{title}: {listed}.", rich_markup_mode=None)
        self._declarations = declarations
        self._broken = broken

    def list_commands(self, ctx: Any) -> list[str]:
        return list({**self._written, **self._declarations})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        from avstudio_server.cli.processor_command import command

        verb = cmd_name.replace("_", "-")
        if verb in self._written and verb not in self.commands:
            self.commands[verb] = _made(self._written[verb])
        elif verb in self._declarations and verb not in self.commands:
            self.commands[verb] = command(self._declarations[verb])
        return self.commands.get(verb)

    def unknown(self, ctx: Any, name: str) -> str:
        known = [declaration.name for declaration in self._declarations.values()]
        message = _to_install(f"{self.name}.{name}", known) or super().unknown(ctx, name)
        return _or_broken(message, self._broken)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        generated = [(name, one.summary) for name, one in self._declarations.items() if name not in self._written]
        write(formatter, "Commands", [*summaries(self, ctx, self._written), *generated])


class Root(Group):
    """`avstudio`; the module of a command is imported when the command is used."""

    @property
    def installed(self) -> Installed:
        """What is installed; each command receives it as the object of its context."""
        found: Installed = self.context_settings["obj"]
        return found

    @cached_property
    def media(self) -> dict[str, dict[str, Declaration]]:
        found: dict[str, dict[str, Declaration]] = {name: {} for name in _groups(COMMANDS)}
        for declaration in self.installed.catalogue.processors.values():
            found.setdefault(declaration.medium, {})[declaration.verb.replace("_", "-")] = declaration
        return found

    @cached_property
    def written(self) -> dict[str, Command]:
        """The commands of this package and of plugins, by name; ours take precedence."""
        return self.installed.catalogue.commands | COMMANDS

    @property
    def single(self) -> dict[str, Command]:
        """Those that belong to no medium."""
        return {name: one for name, one in self.written.items() if " " not in name}

    def list_commands(self, ctx: Any) -> list[str]:
        return [*self.media, *self.single, *self._interfaces]

    @property
    def _interfaces(self) -> dict[str, str]:
        return {name: one.summary for name, one in self.installed.catalogue.interfaces.items()}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and (found := self._found(cmd_name)) is not None:
            self.commands[cmd_name] = found
        return self.commands.get(cmd_name)

    def _found(self, name: str) -> Any:
        """The command of that name; for one of ours, nothing else is read."""
        if known := COMMANDS.get(name):
            return _made(known)
        if name in self.media:
            written = _groups(self.written).get(name, {})
            return Medium(name, self.media[name], written, self.installed.catalogue.broken)
        if known := self.single.get(name):
            return _made(known)
        if declaration := self.installed.catalogue.interfaces.get(name):
            from avstudio_server.cli.interface_command import command

            return command(declaration)
        return None

    def unknown(self, ctx: Any, name: str) -> str:
        full = {f"{medium}.{verb}": f"{medium} {verb}" for medium, verbs in self.media.items() for verb in verbs}
        known = full if "." in name else {one.partition(".")[2]: command for one, command in full.items()}
        known |= {one: one for one in self.list_commands(ctx)}
        message = _to_install(name, self.installed.catalogue.processors)
        near = nearest(name, known)
        meant = f" Did you mean '{known[near]}'?" if near else ""
        message = message or f"{quoted(name)} is not a command.{meant}"
        return _or_broken(message, self.installed.catalogue.broken)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        write(formatter, "Media", summaries(self, ctx, self.media))
        for section in dict.fromkeys(one.section for one in self.single.values()):
            rows = [(name, one.summary) for name, one in self.single.items() if one.section == section]
            write(formatter, section, rows)
        write(formatter, "Interfaces", [*self._interfaces.items()])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        write(formatter, "Exit codes", [(str(code), meaning) for code, meaning in MEANINGS.items()])


def _groups(commands: Mapping[str, Command]) -> dict[str, dict[str, Command]]:
    """The commands with two words, by the first and the second word."""
    found: dict[str, dict[str, Command]] = {}
    for name, one in commands.items():
        medium, _, verb = name.partition(" ")
        if verb:
            found.setdefault(medium, {})[verb] = one
    return found


def _made(command: Command) -> Any:
    """A command, imported. Raises `PluginError`."""
    module, _, function = command.place.partition(":")
    try:
        return getattr(import_module(module), function)()
    except (ImportError, AttributeError, TypeError) as error:
        raise PluginError(f"The command '{command.name}' cannot be loaded: {error}.") from error


def _to_install(name: str, known: Iterable[str]) -> str:
    """The message for a command whose package, one of ours, is not installed; empty for any other."""
    from avstudio_core.plugins import package_for

    package = package_for(name, known)
    return f"{quoted(name)} is not a command. To get it: pip install '{package}'." if package else ""


def _or_broken(message: str, broken: Iterable[str]) -> str:
    """The message for an unknown command, with the broken plugins, since one of them may provide it."""
    names = ", ".join(broken)
    return f"{message} Broken plugins: {names}. See: avstudio plugins." if names else message


def root() -> Any:
    """The whole command line."""
    settings = {"help_option_names": ["-h", "--help"], "obj": Installed()}
    app = typer.Typer(cls=Root, add_completion=True, rich_markup_mode=None, context_settings=settings)
    app.callback(invoke_without_command=True)(_start)
    command = built(app)
    for param in command.params:
        if param.name == "install_completion":
            param.callback = partial(_install_completion, param.callback)
        param.default = False  # all are switches; for a default of None, Typer would import pydantic
    return command


def _install_completion(install: Any, ctx: Any, param: Any, value: Any) -> Any:
    """Typer's installation of the completion, with errors of ours."""
    from avstudio_core.errors import StorageError
    from avstudio_core.paths import home_folder

    if not value:
        return value
    home = home_folder()
    try:
        return install(ctx, param, value)
    except OSError as error:
        raise StorageError.of(error, Path(error.filename or home)) from error


def _start(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """A local-first studio for sound, video and language models."""
    if version:
        from avstudio_core import __version__

        output.write(f"avstudio {__version__}")
    elif ctx.invoked_subcommand is None:
        output.write(ctx.get_help())
        ctx.exit(2)
