"""An interface to AV-Studio: a command for each processor, made of the catalogue."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from avstudio_core import AVStudioError, Catalogue, Studio


def main(arguments: Sequence[str] | None = None) -> int:
    with Studio() as studio:
        given = vars(parser(studio.catalogue).parse_args(arguments))
        processor, source = given.pop("processor"), given.pop("source", None)
        params = {name: value for name, value in given.items() if value is not None}
        try:
            return run(studio, processor, source, params)
        except AVStudioError as error:
            print(error.message, error.hint, f"({error.code})", file=sys.stderr)
            return 1


def parser(catalogue: Catalogue) -> ArgumentParser:
    """A subcommand for each declaration, with an option for each parameter."""
    made = ArgumentParser(description=__doc__)
    commands = made.add_subparsers(dest="processor", required=True)
    for declaration in catalogue.processors.values():
        command = commands.add_parser(declaration.name, help=plain(declaration.summary))
        if declaration.accepts:
            command.add_argument("source", nargs="?" if declaration.source_optional else None)
        required = declaration.params.get("required", ())
        for name, field in declaration.params.get("properties", {}).items():
            said = plain(field.get("description", ""))
            command.add_argument(f"--{name}", type=value, required=name in required, help=said)
    return made


def run(studio: Studio, processor: str, source: str | None, params: dict[str, Any]) -> int:
    """Submit a task, follow it, and print its result."""
    handle = studio.submit(processor, source, **params)
    for event in handle.events():
        if event.type == "task.progress":
            print(f"{event.data['percent']:.0f} % {event.data['message']}", file=sys.stderr)
    result = handle.result()
    for warning in result.warnings:
        print(warning.message, f"({warning.code})", file=sys.stderr)
    print(result.model_dump_json(indent=2))
    return 0


def value(text: str) -> Any:
    """A value as JSON, or as the text that it is; the studio checks it."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def plain(text: str) -> str:
    """A text as argparse takes it."""
    return text.replace("%", "%%")


if __name__ == "__main__":
    raise SystemExit(main())
