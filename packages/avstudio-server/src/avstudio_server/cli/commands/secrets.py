"""`avstudio secrets`: keys of model providers, and other secrets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output

if TYPE_CHECKING:
    from avstudio_core.secrets.secrets import Secret

Name = Annotated[str, typer.Argument(metavar="NAME", help="The secret's name, such as OPENAI_API_KEY.")]

app = groups.app("Secrets: set, list, rotate, delete.")


def command() -> Any:
    return groups.built(app)


@app.command("set", cls=groups.Command)
def set_(name: Name, as_json: Json = False) -> int:
    """Keep a secret. Its value is read from stdin, or typed at a prompt that does not show it."""
    from avstudio_core import Studio

    with Studio(own=True) as studio:
        return _kept(studio.secrets.set(name, _value(name)), as_json=as_json)


@app.command("rotate", cls=groups.Command)
def rotate(name: Name, as_json: Json = False) -> int:
    """Replace a secret that was set: the new value is read like that of 'set'."""
    from avstudio_core import Studio

    with Studio(own=True) as studio:
        return _kept(studio.secrets.rotate(name, _value(name)), as_json=as_json)


@app.command("list", cls=groups.Command)
def list_(as_json: Json = False) -> int:
    """List the secrets with their store and age, but never their values."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.secrets import secret_table, warnings
    from avstudio_server.views.secrets import secret_data

    with Studio(own=True) as studio:
        found = secret_data(studio)
    if as_json:
        output.write_json(found)
        return 0
    output.write(secret_table(found) if found else "No secrets. Set one: avstudio secrets set OPENAI_API_KEY")
    for line in warnings(found):
        output.note(line)
    return 0


@app.command("delete", cls=groups.Command)
def delete(name: Name, as_json: Json = False) -> int:
    """Remove a secret from its store."""
    from avstudio_core import Studio

    with Studio(own=True) as studio:
        studio.secrets.delete(name)
    if as_json:
        output.write_json({"name": name})
    else:
        output.write(f"{name}: deleted.")
    return 0


def _kept(secret: Secret, *, as_json: bool) -> int:
    if as_json:
        output.write_json({"name": secret.name, "store": secret.store})
    else:
        output.write(f"{secret.name}: set in the store '{secret.store}'.")
    return 0


def _value(name: str) -> str:
    """The value from stdin, or typed at a prompt. Raises `InvalidInput`."""
    from avstudio_core.errors import InvalidInput

    try:
        if sys.stdin.isatty():
            from getpass import getpass

            return getpass(f"{name}: ", sys.stderr)
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise InvalidInput("The input on stdin is not text in UTF-8.") from None
