"""The parameters of a processor, or the options of an interface, as options of its command."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from avstudio_server.operations import schemas
from avstudio_server.operations.schemas import Schema
from avstudio_server.views.installed import Installed
from avstudio_server.views.suggestions import suggestions

PANEL = "Parameters"


@dataclass(frozen=True)
class Field:
    """One declared parameter."""

    name: str
    flag: str
    schema: Schema
    definitions: Schema
    required: bool

    @property
    def key(self) -> str:
        """Its name among the arguments of the command's function, distinct from the names of other options."""
        return "param_" + re.sub(r"\W", "_", self.name)

    @property
    def kinds(self) -> list[Schema]:
        return schemas.alternatives(self.schema, self.definitions)

    @property
    def array(self) -> Schema | None:
        """Its schema if it is a list."""
        return next((one for one in self.kinds if one.get("type") == "array"), None)

    @property
    def is_file(self) -> bool:
        """Whether it is a file, or a list of files."""
        items = schemas.alternatives(self.array.get("items", {}), self.definitions) if self.array else self.kinds
        return any(map(schemas.is_file, items))

    @property
    def switch(self) -> bool:
        return bool(self.kinds) and all(one.get("type") == "boolean" for one in self.kinds)

    def parameter(self) -> inspect.Parameter:
        """The option, for the signature of the command's function."""

        def complete(ctx: typer.Context, incomplete: str) -> list[str]:
            return self.completions(ctx.obj, incomplete)

        kind: Any = bool if self.switch else list[str] if self.array else str
        flags = f"{self.flag}/--no-{self.flag[2:]}" if self.switch else self.flag
        if self.schema.get("argument"):
            option = typer.Argument(metavar=self.name.upper(), help=self.help, autocompletion=complete)
            return self._parameter(kind, option)
        option = typer.Option(
            flags,
            help=self.help,
            metavar=None if self.switch else schemas.metavar(self.kinds, self.definitions),
            rich_help_panel=PANEL,
            autocompletion=None if self.is_file else complete,  # the shell completes paths
        )
        return self._parameter(kind, option)

    def _parameter(self, kind: Any, option: Any) -> inspect.Parameter:
        default = inspect.Parameter.empty if self.required else None
        annotation: Any = Annotated[kind, option] if self.required else Annotated[kind | None, option]
        return inspect.Parameter(self.key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

    def value(self, given: Any) -> Any:
        """The given text as a JSON value of the declared type. Raises `InvalidParams`."""
        if isinstance(given, bool):
            return given
        try:
            if self.array is not None and isinstance(given, list):
                return schemas.read_list(given, self.array, self.definitions)
            return schemas.read(given, self.kinds, self.definitions)
        except (ValueError, RecursionError) as error:
            whole = ",".join(given) if isinstance(given, list) else given
            text = str(error.args[0]) if self.array is not None and type(error) is ValueError else whole  # one item
            raise schemas.refused(self.flag, text, self.kinds, self.definitions) from None

    @property
    def help(self) -> str:
        """Its description, with unit, bounds, default, and choices that are too long for the placeholder."""
        return self._described(schemas.MOST_SHOWN)

    @property
    def meaning(self) -> str:
        """Its description, with unit, bounds, all choices and default."""
        return self._described(0)

    def _described(self, most: int) -> str:
        notes = [f"in {self.schema['unit']}"] if "unit" in self.schema else []
        if accepts := self.schema.get("accepts"):
            notes.append(", ".join(accepts))
        if self.array is not None and self.is_file:
            notes.append("repeat it for several")
        if limits := schemas.bounds(self.kinds):
            notes.append(limits)
        if len("|".join(among := self.choices)) > most:
            notes.append(f"one of {', '.join(among)}")
        if (default := _written(self.schema.get("default"))) and not self.required:
            notes.append(f"default: {default}")
        if self.required:
            notes.append("required")
        description = self.schema.get("description", "")
        return f"{description} [{'; '.join(notes)}]".strip() if notes else description

    @property
    def choices(self) -> list[str]:
        """The values that it or its items may have; empty if other ones are also allowed."""
        kinds = self.kinds
        if self.array is not None:
            kinds = schemas.alternatives(self.array.get("items", {}), self.definitions)
        return [str(value) for value in schemas.choices(kinds)]

    def completions(self, installed: Installed, incomplete: str) -> list[str]:
        """Its choices, or suggested values; in a list, for the item after the last comma."""
        before, comma, last = incomplete.rpartition(",") if self.array is not None else ("", "", incomplete)
        found = self.choices or suggestions(self.schema, installed)
        return [f"{before}{comma}{value}" for value in found if value.startswith(last)]


def fields_of(params: Schema, verb: str, taken: Collection[str]) -> list[Field]:
    """The parameters in a JSON Schema; if the name of an option is taken, the verb precedes it: `--separate-output`."""
    required = params.get("required", ())
    found = []
    for name, schema in params.get("properties", {}).items():
        flag = "--" + name.replace("_", "-")
        if flag in taken or f"--no-{flag[2:]}" in taken:
            flag = f"--{verb}-{flag[2:]}"
        found.append(Field(name, flag, schema, params.get("$defs", {}), name in required))
    return found


def given_values(fields: Iterable[Field], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of some fields, as JSON values by name. Raises `InvalidParams`."""
    return {field.name: field.value(given[field.key]) for field in fields if given[field.key] is not None}


def _written(value: Any) -> str:
    """A default as it is written on the command line; an empty text for an empty one."""
    if value is None or value == [] or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
