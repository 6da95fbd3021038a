"""Checks of what a registered class must declare."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidParams, PluginError
from avstudio_core.guard import shown
from avstudio_core.names import is_text
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

BASES = {
    "backends": "kinds.backend.Backend",
    "executors": "kinds.executor.Executor",
    "memory_managers": "kinds.memory_manager.MemoryManager",
    "price_books": "kinds.price_book.PriceBook",
    "processors": "kinds.processor.Processor",
    "routers": "kinds.router.Router",
    "weights": "weights.Weights",
}
"""The base class of each kind."""
PROCESSOR_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
SETTING_NAME = re.compile(r"[a-z][a-z0-9_]*")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]*")


def declared_name(kind: str, registered: Any) -> str:
    """The name of a registered class. Raises `PluginError` if its declaration is not valid for its kind."""
    if kind == "settings":
        return _setting_name(registered)
    base = _base(kind)
    if not isinstance(registered, type) or not issubclass(registered, base):
        raise PluginError(f"'{registered!r:.60}' does not derive from {base.__name__}.")
    name = getattr(registered, "device" if kind == "memory_managers" else "name", None)
    if not isinstance(name, str):
        raise PluginError(f"'{registered.__qualname__}' does not have a name.", hint="Set the class attribute 'name'.")
    if kind == "processors":
        _check_processor(name, registered)
    elif not NAME.fullmatch(name):
        raise PluginError(f"'{name}' is not a valid name.", hint="Use letters, digits, '.', '_' and '-'.")
    if kind != "weights" and inspect.isabstract(registered):
        missing = ", ".join(sorted(getattr(registered, "__abstractmethods__", ())))
        raise PluginError(f"'{name}' lacks {missing}.")
    return name


def _setting_name(setting: Any) -> str:
    """The name of a valid setting of a plugin."""
    from avstudio_core.settings import BUDGET, SETTINGS, TYPES, Setting, misspelling

    if not isinstance(setting, Setting):
        raise PluginError(f"'{setting!r:.60}' is not a Setting.")
    if not isinstance(setting.name, str) or not SETTING_NAME.fullmatch(setting.name):
        raise PluginError(f"'{setting.name}' is not a valid name.", hint="Use small letters, digits and '_'.")
    if setting.name in {one.name for one in SETTINGS}:
        raise PluginError(f"The core has a setting '{setting.name}' already.", hint="Choose another name.")
    if near := misspelling(setting.name):
        raise PluginError(f"The name '{setting.name}' looks like '{near}'.", hint="Choose another name.")
    if (declared := next((one for one in TYPES if one is setting.type), None)) is None:
        hint = f"Give one of: {', '.join(one.__name__ for one in TYPES)}."
        raise PluginError(f"The type of the setting '{setting.name}' is '{setting.type!r:.60}'.", hint=hint)
    if BUDGET.fullmatch(setting.name) and declared is not int:
        raise PluginError(f"'{setting.name}' is a memory budget in MB, so its type is int.")
    if not isinstance(setting.help, str) or not isinstance(setting.minimum, int | float | None):
        raise PluginError(f"The setting '{setting.name}' lacks a help text, or its minimum is not a number.")
    if setting.minimum is not None and declared not in (int, float):
        raise PluginError(f"The setting '{setting.name}' has a minimum, but is not a number.")
    try:
        setting.checked(setting.default, "its declaration")
    except InvalidParams as error:
        raise PluginError(str(error)) from None
    return setting.name


def _base(kind: str) -> type[Any]:
    module, _, name = BASES[kind].rpartition(".")
    found: type[Any] = getattr(import_module(f"avstudio_core.{module}"), name)
    return found


def _check_processor(name: str, registered: type[Any]) -> None:
    from avstudio_core.artifact import is_media_type
    from avstudio_core.kinds.processor import Processor
    from avstudio_core.results import Params, Result

    if not PROCESSOR_NAME.fullmatch(name):
        raise PluginError(f"'{name}' is not a valid name.", hint="Name it '<medium>.<verb>', such as 'audio.separate'.")
    if not (registered.__doc__ or "").strip() or registered.__doc__ == Processor.__doc__:
        raise PluginError(f"'{name}' has no docstring.", hint="Its first line is the summary everywhere.")
    if not is_text(registered.version):
        raise PluginError(f"The version of '{name}' is {quoted(registered.version)}, which is not valid text.")
    accepts = registered.accepts
    if not (isinstance(accepts, tuple | list) and all(map(is_media_type, accepts))):
        message = f"'{name}' accepts {quoted(shown(accepts))}, which is not a tuple of media types."
        raise PluginError(message, hint="Write it as ('audio/*',).")
    for attribute, base in (("params_type", Params), ("result_type", Result)):
        given = getattr(registered, attribute, None)
        if not (isinstance(given, type) and issubclass(given, base)):
            hint = "Derive it from Processor[ItsParams, ItsResult]."
            raise PluginError(f"'{name}' does not say the type of its {base.__name__}.", hint=hint)
        for field, where in _unwritable(given):
            message = f"'{name}' has a value that JSON cannot hold in {where} of '{field}'."
            raise PluginError(message, hint="NaN, infinity, bytes and objects have no JSON form.")
    _check_params_names(name, registered.params_type)


def _check_params_names(name: str, params: type[BaseModel]) -> None:
    """Refuse aliases: parameters are given, stored and shown by one name."""
    for field, info in params.model_fields.items():
        if info.alias or info.validation_alias or info.serialization_alias:
            message = f"'{name}' gives its parameter '{field}' an alias."
            raise PluginError(message, hint="Use one name: that of the field.")


def _unwritable(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """The fields of a model whose default or bounds cannot be written as JSON, and which of the two."""
    for name, field in model.model_fields.items():
        if not (field.is_required() or field.default_factory is not None) and not _has_json(field, field.default):
            yield name, "the default"
        bounds = [getattr(one, key, None) for one in field.metadata for key in ("gt", "ge", "lt", "le", "multiple_of")]
        if not all(_plain(one) for one in (*bounds, field.json_schema_extra) if not callable(one)):
            yield name, "the bounds"


def _has_json(field: FieldInfo, default: Any) -> bool:
    if _plain(default):
        return True
    from pydantic import TypeAdapter

    try:
        written = TypeAdapter[Any](field.annotation or Any).dump_python(default, mode="json", warnings=False)
    except Exception:  # errors of pydantic and of foreign serializers
        return False
    return _plain(written)


def _plain(value: Any) -> bool:
    """Whether a value is plain JSON."""
    if value is None or isinstance(value, bool | int | str):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
