"""`avstudio service`: programs of the studio that the system starts and keeps running."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output

if TYPE_CHECKING:
    from avstudio_server.service.manager import Manager, Service

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="An interface, or ollama. [default: serve, mcp and ollama, as far as installed]"
    ),
]
Arguments = Annotated[
    list[str] | None, typer.Argument(metavar="ARGUMENTS", help="Arguments of the interface, after '--'.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]

app = groups.app("Services: install, uninstall, status.")


def command() -> Any:
    return groups.built(app)


@app.command("install", cls=groups.Command)
def install(
    ctx: typer.Context,
    name: Name = None,
    arguments: Arguments = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Have launchd or systemd run an interface for you at each login, and start it again if it ends.

    It shows the files first. They have no secrets, and nothing is done as root.
    """
    from avstudio_server.service.services import chosen, left_out, manager

    keeper, installed = manager(), ctx.obj
    services = chosen(installed.catalogue.interfaces, installed.settings.home, name, arguments or ())
    for one in services:
        output.write(f"{keeper.path(one.name)}\n\n{keeper.text(one)}")
    for variable in left_out():
        output.note(f"{variable} is set here, but not for the service: put it into settings.toml.")
    if dry_run:
        return 0
    _ask("Write and start this?", yes=yes)
    return _installed(keeper, services)


def _installed(keeper: Manager, services: Sequence[Service]) -> int:
    from avstudio_server.cli.exits import DONE, UNAVAILABLE

    for one in services:
        keeper.write(one)
    failed = {one.name: why for one in services if (why := keeper.start(one.name))}
    for one in services:
        lacking = f"written, but not started: {failed[one.name]}" if one.name in failed else "started"
        output.write(f"{one.name}: {lacking}.")
    return UNAVAILABLE if failed else DONE


@app.command("uninstall", cls=groups.Command)
def uninstall(name: Name = None, yes: Yes = False, dry_run: DryRun = False) -> int:
    """Stop a service and remove its file; without a name, all that 'install' has written."""
    from avstudio_core.errors import NotFound
    from avstudio_server.service.services import manager

    keeper = manager()
    known = keeper.installed()
    if name is not None and name not in known:
        raise NotFound.among("installed service", name, known)
    names = known if name is None else [name]
    for one in names:
        output.write(str(keeper.path(one)))
    if dry_run or not names:
        return 0
    _ask("Stop and remove this?", yes=yes)
    for one in names:
        why = keeper.stop(one)
        keeper.remove(one)
        output.write(f"{one}: removed{f', but not stopped: {why}' if why else ''}.")
    return 0


@app.command("status", cls=groups.Command)
def status(as_json: Json = False) -> int:
    """List the services that 'install' has written, and whether they run."""
    from avstudio_server.cli.terminal.tables import table
    from avstudio_server.service.services import manager

    keeper = manager()
    found = [{"name": one, "state": keeper.state(one), "file": str(keeper.path(one))} for one in keeper.installed()]
    if as_json:
        output.write_json(found)
    elif found:
        output.write(table(("SERVICE", "STATE", "FILE"), [tuple(one.values()) for one in found]))
    else:
        output.write("No services. Install them: avstudio service install")
    return 0


def _ask(question: str, *, yes: bool) -> None:
    """Let the user decide. Raises `NotAllowed` for root, `InvalidInput` without a terminal, and `TaskCancelled`."""
    import os

    from avstudio_core.errors import NotAllowed
    from avstudio_server.cli.terminal.questions import agree

    if os.geteuid() == 0:
        hint = "Run the command as the user whose studio it is."
        raise NotAllowed("Services run as a user, and are not installed by root.", hint=hint)
    if not yes:
        agree(question)
