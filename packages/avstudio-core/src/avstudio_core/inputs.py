"""The files that a run reads beside its source: parameters of the type `Artifact`, or lists of them."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Union, get_args, get_origin

from avstudio_core.artifact import Artifact
from avstudio_core.results import Params


class FileParameter(NamedTuple):
    """A parameter that is a file, or a list of `many`, and the media types that it accepts; none means any."""

    many: bool
    accepts: tuple[str, ...]


@lru_cache(maxsize=1024)
def file_parameters(kind: type[Params]) -> Mapping[str, FileParameter]:
    """The parameters of a type that are files, by name."""
    found = {}
    for name, field in kind.model_fields.items():
        many = _is_many(field.annotation)
        if many is not None:
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            accepts = extra.get("accepts")
            found[name] = FileParameter(many, tuple(map(str, accepts)) if isinstance(accepts, list | tuple) else ())
    return found


def input_files(params: Params) -> list[Artifact]:
    """The files in some parameters."""
    found: list[Artifact] = []
    for name in file_parameters(type(params)):
        value = getattr(params, name)
        found += [value] if isinstance(value, Artifact) else value or []
    return found


def replaced(params: Params, values: dict[str, Any], change: Callable[[Artifact], Any]) -> dict[str, Any]:
    """The JSON form of some parameters, with what `change` returns for each of their files."""
    changed = dict(values)
    for name in file_parameters(type(params)):
        value = getattr(params, name)
        if name in values and value is not None:
            changed[name] = change(value) if isinstance(value, Artifact) else [change(one) for one in value]
    return changed


def _is_many(annotation: Any) -> bool | None:
    """Whether a type is a list of artifacts; `None` if it is not about artifacts."""
    if annotation is Artifact:
        return False
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [_is_many(one) for one in get_args(annotation) if one is not type(None)]
        return kinds[0] if len(kinds) == 1 else None
    if get_origin(annotation) in (list, tuple) and get_args(annotation)[:1] == (Artifact,):
        return True
    return None
