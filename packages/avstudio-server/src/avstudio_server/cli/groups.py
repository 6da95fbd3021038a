"""Commands and groups with help in sections, and suggestions for unknown names.

Help is plain text on purpose: rich would take longer than the rest of the start-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from avstudio_core.nearest import did_you_mean
from avstudio_core.quotes import quoted
from avstudio_server.cli.terminal import output


class Helped:
    """Sets the default of `--help` to `False`; otherwise Typer would import pydantic to find it."""

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.default = False
        return option


class Command(Helped, TyperCommand):
    """A command whose help lists the options by panel."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # completion needs no values, and Typer would import pydantic to convert them
            for param in self.get_params(ctx):
                param.process_value = lambda ctx, value: value  # type: ignore[method-assign]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        for title, rows in sections(self, ctx).items():
            write(formatter, title, rows)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = [param for param in self.get_params(ctx) if param.param_type_name == "argument"]
        return ["[OPTIONS]", *(_placed(argument) for argument in arguments)]


class Group(Helped, TyperGroup):
    """A group that lists its commands, and suggests the nearest name for an unknown command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            output.write(ctx.get_help())
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = ctx.resilient_parsing or args[0].startswith("-") or self.get_command(ctx, args[0])
        if not known:
            ctx.fail(self.unknown(ctx, args[0]))
        return super().resolve_command(ctx, args)

    def unknown(self, ctx: Any, name: str) -> str:
        """The message for an unknown command."""
        return f"{quoted(name)} is not a command. {did_you_mean(name, self.list_commands(ctx))}".rstrip()

    def format_options(self, ctx: Any, formatter: Any) -> None:
        self.format_commands(ctx, formatter)
        for title, rows in sections(self, ctx).items():
            write(formatter, title, rows)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        write(formatter, "Commands", summaries(self, ctx, self.list_commands(ctx)))


def app(help: str) -> typer.Typer:
    """An empty group of commands."""
    return typer.Typer(cls=Group, help=help, add_completion=False, rich_markup_mode=None)


def built(group: typer.Typer) -> Any:
    """The group, ready to be called."""
    return get_command(group)


def single(function: Callable[..., int], name: str, help: str | None = None) -> Any:
    """One function as a command, ready to be called."""
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, cls=Command, help=help)(function)
    return get_command(alone)


def sections(command: Any, ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """The name and help of each argument and option, by panel; `--help` comes last."""
    found: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        is_argument = param.param_type_name == "argument"
        panel = getattr(param, "rich_help_panel", None) or ("Arguments" if is_argument else "Options")
        if not getattr(param, "hidden", False):
            name = _argument(param) if is_argument else _option(param)
            found.setdefault(panel, []).append((name, getattr(param, "help", None) or ""))
    if "Options" in found:
        found["Options"] = found.pop("Options")
    return found


def summaries(group: Any, ctx: Any, names: Iterable[str]) -> list[tuple[str, str]]:
    """The named commands of a group, each with the first line of its help."""
    commands = [(name, group.get_command(ctx, name)) for name in names]
    return [(name, (command.help or "").partition("\n")[0]) for name, command in commands if not command.hidden]


def write(formatter: Any, title: str, rows: list[tuple[str, str]]) -> None:
    """Write a section with two columns, unless it is empty."""
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)


def _argument(param: Any) -> str:
    name: str = param.metavar or param.name.upper()
    return f"{name}..." if param.nargs != 1 else name


def _placed(param: Any) -> str:
    return _argument(param) if param.required else f"[{_argument(param)}]"


def _option(param: Any) -> str:
    names = ", ".join(sorted(param.opts, key=len))
    if param.secondary_opts:
        return f"{names} / {', '.join(param.secondary_opts)}"
    return names if param.is_flag else f"{names} {param.metavar or 'TEXT'}"
