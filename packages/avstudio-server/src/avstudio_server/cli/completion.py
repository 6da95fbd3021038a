"""Values for shell completion; none where finding them would take time.

Those of a processor's parameters come from `Field.completions` in `options.py`. A completion reads the catalogue and
small files; it imports no plugin and asks no server.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

from avstudio_server.cli.options import fields_of
from avstudio_server.views import suggestions

if TYPE_CHECKING:
    from avstudio_core import Catalogue
    from avstudio_server.views.installed import Installed

NEWEST = 50


class Replacement(str):
    """A completion that replaces a word that it does not begin with, such as a verb; Typer drops other strings."""

    def startswith(self, *_: Any) -> bool:
        return True


def states(incomplete: str) -> list[str]:
    """States of tasks."""
    from avstudio_core import State

    return [state.lower() for state in State if state.startswith(incomplete.upper())]


def tasks(ctx: typer.Context, incomplete: str) -> list[str]:
    """The newest tasks' ids."""
    from avstudio_core.storage.data_folder import newest_tasks

    return _from(incomplete, newest_tasks(ctx.obj.settings.home, NEWEST))


def weights(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of model files."""
    return _from(incomplete, (name for family in ctx.obj.catalogue.weights.values() for name in family))


def language_models(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of language models."""
    return _from(incomplete, suggestions.language_models(ctx.obj.settings))


def processors(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of processors."""
    return _processors(ctx.obj.catalogue, incomplete)


def expressions(ctx: typer.Context, incomplete: str) -> list[str]:
    """The last step of an expression: a processor, an output after ':', a parameter, or a value after '='."""
    step = incomplete.rpartition("|")[2].lstrip()
    name, *words = step.split(" ")
    last = words[-1] if words else name
    before = incomplete[: len(incomplete) - len(last)]
    if words:
        found = _parameters(ctx.obj, name.partition(":")[0], last)
    elif ":" in name:
        found = _outputs(ctx.obj.catalogue, name)
    else:
        found = _processors(ctx.obj.catalogue, name)
    return [Replacement(before + one) for one in _unfinished(found)]


def _unfinished(found: list[str]) -> list[str]:
    """The candidates; a single one also with what may follow, because a shell closes the quote after a single one."""
    if len(found) != 1:
        return found
    return [*found, f"{found[0]}…" if found[0].endswith("=") else f"{found[0]} |"]


def _processors(catalogue: Catalogue, incomplete: str) -> list[str]:
    """The processors of that name or, if there are none, of that verb."""
    verbs = [Replacement(name) for name, one in catalogue.processors.items() if one.verb.startswith(incomplete)]
    return _from(incomplete, catalogue.processors) or list(verbs)


def _outputs(catalogue: Catalogue, step: str) -> list[str]:
    name = step.partition(":")[0]
    known = catalogue.processors.get(name)
    return _from(step, (f"{name}:{output}" for output in known.outputs)) if known else []


def _parameters(installed: Installed, processor: str, incomplete: str) -> list[str]:
    """The names of parameters with '=', or values of the one that is named."""
    if (known := installed.catalogue.processors.get(processor)) is None:
        return []
    fields = {field.name: field for field in fields_of(known.params, known.verb, ())}
    name, equals, value = incomplete.partition("=")
    if not equals:
        return _from(name, (f"{one}=" for one in fields))
    return [f"{name}={one}" for one in fields[name].completions(installed, value)] if name in fields else []


def _from(incomplete: str, found: Iterable[str]) -> list[str]:
    return [one for one in found if one.startswith(incomplete)]
