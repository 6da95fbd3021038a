"""The command of an interface, built from its declaration: it serves until a signal stops it."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avstudio_server.cli import debug, reload
from avstudio_server.cli.flags import signed
from avstudio_server.cli.groups import single
from avstudio_server.cli.options import fields_of, given_values
from avstudio_server.cli.terminal.interrupts import Interrupts

if TYPE_CHECKING:
    from avstudio_core import InterfaceDeclaration


Reload = Annotated[
    bool, typer.Option(reload.FLAG, help="Start again when a plugin's file changes: for those who write plugins.")
]


def command(declaration: InterfaceDeclaration) -> Any:
    """The click command for an interface."""
    fields = fields_of(declaration.options, declaration.name, {"--help", debug.FLAG, reload.FLAG})

    def call(ctx: typer.Context, reloads: Reload = False, **values: Any) -> int:
        given = given_values(fields, values)
        return serve_again() if reloads else serve(declaration.name, given)

    parameters = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    parameters += [field.parameter() for field in fields]
    parameters += [inspect.Parameter("reloads", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Reload)]
    return single(signed(call, parameters), declaration.name, declaration.description)


def serve_again() -> int:
    """Run this command, and again whenever a plugin changes, until a signal."""
    stop = threading.Event()
    with Interrupts(stop.set):
        return reload.serve(reload.again(sys.orig_argv), stop)


def serve(name: str, given: Mapping[str, Any]) -> int:
    """Serve a studio until a signal; the second one exits at once."""
    stop = threading.Event()
    with debug.library_log(), Interrupts(stop.set):
        from avstudio_core import Studio

        with Studio() as studio:
            studio.serve(name, given, stop)
    return 0
