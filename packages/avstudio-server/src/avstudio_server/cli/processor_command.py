"""The command of a processor, built from its declaration."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avstudio_server.cli import debug
from avstudio_server.cli.flags import (
    DisplayFlags,
    FileFlags,
    RunFlags,
    TaskFlags,
    gathered,
    option_names,
    parameters_of,
    signed,
)
from avstudio_server.cli.groups import single
from avstudio_server.cli.options import fields_of, given_values

if TYPE_CHECKING:
    from avstudio_core import Declaration

BUNDLES: dict[str, type[Any]] = {"files": FileFlags, "display": DisplayFlags, "task": TaskFlags}


def command(declaration: Declaration) -> Any:
    """The click command for a processor."""
    verb = declaration.verb.replace("_", "-")
    taken = {"--help", debug.FLAG, *(name for bundle in BUNDLES.values() for name in option_names(bundle))}
    fields = fields_of(declaration.params, verb, taken)
    bundles = BUNDLES if makes_files(declaration) else {name: BUNDLES[name] for name in ("display", "task")}

    def call(ctx: typer.Context, **values: Any) -> int:
        from avstudio_server.cli.plans.run import run_processor

        given = gathered(values, bundles)
        flags = RunFlags(given["task"], given.get("files", FileFlags()), given["display"])
        sources, params = given.get("sources") or (), given_values(fields, given)
        return run_processor(ctx.obj.settings, declaration.name, sources, params, flags)

    parameters = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    parameters += [_sources(declaration)] if declaration.accepts else []
    parameters += [field.parameter() for field in fields]
    parameters += [one for bundle in bundles.values() for one in parameters_of(bundle)]
    return single(signed(call, parameters), verb, declaration.description or declaration.name)


def makes_files(declaration: Declaration) -> bool:
    """Whether a result of the processor can contain artifacts."""
    return "Artifact" in declaration.result.get("$defs", {})


def _sources(declaration: Declaration) -> inspect.Parameter:
    text = (
        f"Files ({', '.join(declaration.accepts)}), or ids of stored artifacts (art_…); each is processed separately."
    )
    argument = typer.Argument(metavar="SOURCE", help=text)
    optional = declaration.source_optional
    return inspect.Parameter(
        "sources",
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None if optional else inspect.Parameter.empty,
        annotation=Annotated[list[str] | None, argument] if optional else Annotated[list[str], argument],
    )
