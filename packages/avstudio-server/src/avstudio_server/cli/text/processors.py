"""Processors as they are listed and shown, out of their declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import AVStudioError, NotFound
from avstudio_server.cli.options import fields_of
from avstudio_server.cli.terminal.tables import table
from avstudio_server.cli.text.results import rendered
from avstudio_server.views.installed import catalogue, installation

if TYPE_CHECKING:
    from avstudio_core.catalogue import Declaration


def chosen(name: str | None) -> list[Declaration]:
    """Every declaration, or the one of that name. Raises `NotFound`."""
    known = catalogue().processors
    if name is None:
        return list(known.values())
    if name not in known:
        raise NotFound.among("processor", name, known, see="See them all: avstudio processors")
    return [known[name]]


def declaration_table(found: list[Declaration]) -> str:
    """One line a processor."""
    if not found:
        return "No processors are installed. To get some: pip install 'avstudio-audio'"
    rows = [(one.name, ", ".join(one.accepts) or "nothing", one.distribution, one.summary) for one in found]
    return table(("PROCESSOR", "TAKES", "FROM", ""), rows)


def declaration_data(declaration: Declaration) -> dict[str, Any]:
    """The declaration, and what a run with default parameters needs on this machine now."""
    return asdict(declaration) | {"needs": _needs(declaration)}


def declaration_text(declaration: Declaration) -> str:
    """A processor for people."""
    return "\n".join(_lines(declaration))


def _lines(declaration: Declaration) -> Iterator[str]:
    yield f"{declaration.name} {declaration.version} ({declaration.distribution})"
    yield from ("", declaration.description, "")
    yield f"takes: {', '.join(declaration.accepts) or 'nothing'}"
    if declaration.outputs:
        yield f"makes: {', '.join(f'{name} ({kind})' for name, kind in declaration.outputs.items())}"
    yield from rendered("needs", {name: value for name, value in _needs(declaration).items() if value})
    fields = fields_of(declaration.params, declaration.verb, ())
    yield from _block("parameters", [(field.name, field.help) for field in fields])
    result = declaration.result.get("properties", {})
    yield from _block("result", [(name, _meaning(schema)) for name, schema in result.items()])


def _block(title: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    if rows:
        yield from ("", f"{title}:")
        width = max(len(name) for name, _ in rows)
        yield from (f"  {name.ljust(width)}  {said}".rstrip() for name, said in rows)


def _meaning(schema: Mapping[str, Any]) -> str:
    unit = f" [in {schema['unit']}]" if "unit" in schema else ""
    return f"{schema.get('description', '')}{unit}".strip()


def _needs(declaration: Declaration) -> dict[str, Any]:
    """The needs, what they depend on, or why they are not known: weights that are not here, say."""
    if required := declaration.params.get("required"):
        return {"depends_on": required}
    known = installation()
    kind = known.plugins.find("processors", declaration.name)
    try:
        needs: dict[str, Any] = kind(known.shelf).needs(kind.params_type(), None).model_dump(mode="json")
    except AVStudioError as error:
        return {"unknown": str(error)}
    except Exception as error:  # foreign code
        return {"unknown": " ".join(f"{type(error).__name__}: {error}".split())}
    return needs
