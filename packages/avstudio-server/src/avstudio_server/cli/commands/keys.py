"""`avstudio keys`: API keys for programs that use the studio through an interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json, spread
from avstudio_server.cli.terminal import output

if TYPE_CHECKING:
    from avstudio_core import Studio

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the key is for, such as 'laptop'.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as 'keys list' shows it.")]

app = groups.app("API keys: create, list, revoke.")


@dataclass(frozen=True)
class KeyFlags:
    """What a new key may do, for how long, and what it may spend."""

    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="read, run, chat, files or admin; repeat it for several. [default: all except admin]",
        ),
    ] = None
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="NAME", help="Whose work it sees and makes; without it, only its own."),
    ] = None
    project: Annotated[
        str | None, typer.Option("--project", metavar="NAME", help="The only project that it sees and works in.")
    ] = None
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DURATION", help="When it expires: 12h, 30d. [default: never]")
    ] = None
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="AMOUNT", help="US dollars that it may spend each month.")
    ] = None

    def create(self, studio: Studio, name: str) -> tuple[Any, str]:
        """The new key and its text; the amount is checked first."""
        from avstudio_core.money import micro
        from avstudio_server.operations.durations import seconds

        limit = None if self.budget is None else micro(self.budget)
        until = None if self.expires is None else seconds(self.expires)
        named: dict[str, Any] = {"owner": self.owner, "project": self.project, "seconds": until}
        if self.scope:
            named["scopes"] = self.scope
        key, text = studio.keys.create(name, **named)
        if limit is not None:
            studio.ledger.set_budget(f"key:{key.id}", "month", limit)
        return key, text


def command() -> Any:
    return groups.built(app)


@app.command("create", cls=groups.Command)
@spread
def create(name: Name, key: KeyFlags, as_json: Json = False) -> int:
    """Create a key, and print it: it is not stored, and cannot be shown again."""
    from avstudio_core import Studio
    from avstudio_server.views.keys import key_data

    with Studio(own=True) as studio:
        made, text = key.create(studio, name)
    if as_json:
        output.write_json({**key_data(made), "key": text})
    else:
        output.note(f"{made.id}, owner {made.owner}. Copy the key now: it cannot be shown again.")
        output.write(text)
    return 0


@app.command("list", cls=groups.Command)
def list_(as_json: Json = False) -> int:
    """List the keys: owner, scopes, state, and the day of their last use."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.keys import key_table
    from avstudio_server.views.keys import key_data

    with Studio(own=True) as studio:
        found = [key_data(one) for one in studio.keys.all()]
    if as_json:
        output.write_json(found)
    else:
        output.write(key_table(found) if found else "No keys. Create one: avstudio keys create laptop")
    return 0


@app.command("revoke", cls=groups.Command)
def revoke(key_id: Id, as_json: Json = False) -> int:
    """Refuse a key from now on."""
    from avstudio_core import Studio

    with Studio(own=True) as studio:
        studio.keys.revoke(key_id)
    if as_json:
        output.write_json({"id": key_id, "state": "revoked"})
    else:
        output.write(f"{key_id}: revoked.")
    return 0
