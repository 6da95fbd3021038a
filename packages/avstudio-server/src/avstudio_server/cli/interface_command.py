"""The command of an interface, built from its declaration: it serves until a signal stops it."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from avstudio_server.cli import debug
from avstudio_server.cli.flags import signed
from avstudio_server.cli.groups import single
from avstudio_server.cli.options import fields_of, given_values
from avstudio_server.cli.terminal.interrupts import Interrupts

if TYPE_CHECKING:
    from avstudio_core import InterfaceDeclaration


def command(declaration: InterfaceDeclaration) -> Any:
    """The click command for an interface."""
    fields = fields_of(declaration.options, declaration.name, {"--help", debug.FLAG})

    def call(ctx: typer.Context, **values: Any) -> int:
        return serve(declaration.name, given_values(fields, values))

    parameters = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    parameters += [field.parameter() for field in fields]
    return single(signed(call, parameters), declaration.name, declaration.description)


def serve(name: str, given: Mapping[str, Any]) -> int:
    """Serve a studio until a signal; the second one exits at once."""
    stop = threading.Event()
    with debug.library_log(), Interrupts(stop.set):
        from avstudio_core import Studio

        with Studio() as studio:
            studio.serve(name, given, stop)
    return 0
