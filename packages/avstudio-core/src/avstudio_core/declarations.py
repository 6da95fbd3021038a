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
from avstudio_core.vocabulary import check_vocabulary

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

BASES = {
    "agents": "kinds.agent.Agent",
    "backends": "kinds.backend.Backend",
    "executors": "kinds.executor.Executor",
    "interfaces": "kinds.interface.Interface",
    "memory_managers": "kinds.memory_manager.MemoryManager",
    "price_books": "kinds.price_book.PriceBook",
    "processors": "kinds.processor.Processor",
    "routers": "kinds.router.Router",
    "secret_stores": "kinds.secret_store.SecretStore",
    "weights": "weights.Weights",
}
"""The base class of each kind."""
EFFECTS = ("none", "export", "network", "delete")
SOURCE = "source"
"""The argument that is the file to process."""
PROCESSOR_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
EVENT_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
SETTING_NAME = re.compile(r"[a-z][a-z0-9_]*")
COMMAND_NAME = re.compile(r"[a-z][a-z0-9-]*")
WORDS = re.compile(r"[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)?")
ABILITY = re.compile(r"[a-z][a-z0-9_]*\.([a-z][a-z0-9_]*|\*)")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]*")


def declared_name(kind: str, registered: Any) -> str:
    """The name of a registered class. Raises `PluginError` if its declaration is not valid for its kind."""
    if kind in VALUES:
        return VALUES[kind](registered)
    base = _base(kind)
    if not isinstance(registered, type) or not issubclass(registered, base):
        raise PluginError(f"{quoted(registered, 60)} does not derive from {base.__name__}.")
    name = getattr(registered, "device" if kind == "memory_managers" else "name", None)
    if not isinstance(name, str):
        raise PluginError(f"'{registered.__qualname__}' does not have a name.", hint="Set the class attribute 'name'.")
    if kind == "processors":
        _check_processor(name, registered)
    elif kind == "interfaces":
        _check_interface(name, registered)
    elif kind == "agents":
        _check_agent(name, registered)
    elif not NAME.fullmatch(name):
        raise PluginError(f"'{name}' is not a valid name.", hint="Use letters, digits, '.', '_' and '-'.")
    if kind != "weights" and inspect.isabstract(registered):
        missing = ", ".join(sorted(getattr(registered, "__abstractmethods__", ())))
        raise PluginError(f"'{name}' lacks {missing}.")
    return name


def _command_name(command: Any) -> str:
    """The name of a valid command of a plugin."""
    from avstudio_core.commands import Command

    if not isinstance(command, Command):
        raise PluginError(f"'{shown(command)}' is not a Command.")
    if not isinstance(command.name, str) or not WORDS.fullmatch(command.name):
        raise PluginError(f"'{command.name}' is not a valid name.", hint="Use one or two words of small letters.")
    if not all(map(is_text, (command.summary, command.place, command.section))) or ":" not in command.place:
        raise PluginError(f"The command '{command.name}' lacks a summary, or its place is not 'module:function'.")
    return command.name


def tool_name(name: str) -> str:
    """The name of a processor where dots are not allowed, as in the tools of language models."""
    return name.replace(".", "_")


def _setting_name(setting: Any) -> str:
    """The name of a valid setting of a plugin."""
    from avstudio_core.settings import BUDGET, SETTINGS, TYPES, Setting, misspelling

    if not isinstance(setting, Setting):
        raise PluginError(f"{quoted(setting, 60)} is not a Setting.")
    if not isinstance(setting.name, str) or not SETTING_NAME.fullmatch(setting.name):
        raise PluginError(f"'{setting.name}' is not a valid name.", hint="Use small letters, digits and '_'.")
    if setting.name in {one.name for one in SETTINGS}:
        raise PluginError(f"The core has a setting '{setting.name}' already.", hint="Choose another name.")
    if near := misspelling(setting.name):
        raise PluginError(f"The name '{setting.name}' looks like '{near}'.", hint="Choose another name.")
    if (declared := next((one for one in TYPES if one is setting.type), None)) is None:
        hint = f"Give one of: {', '.join(one.__name__ for one in TYPES)}."
        raise PluginError(f"The type of the setting '{setting.name}' is {quoted(setting.type, 60)}.", hint=hint)
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


def _event_type_name(registered: Any) -> str:
    """The name of a valid type of events of a plugin."""
    from avstudio_core.events import EventType

    if not isinstance(registered, EventType):
        raise PluginError(f"{quoted(registered, 60)} is not an EventType.")
    if not isinstance(registered.name, str) or not EVENT_TYPE.fullmatch(registered.name):
        hint = "Name it '<noun>.<what happened>', such as 'agent.message'."
        raise PluginError(f"'{registered.name}' is not a valid name.", hint=hint)
    if not is_text(registered.help) or not registered.help.strip():
        raise PluginError(f"The type of events '{registered.name}' lacks a help text.")
    return registered.name


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
        _check_json(name, given)
    _check_effects(name, registered)
    check_vocabulary(name, registered)
    _check_field_names(name, "parameter", registered.params_type)


def _check_interface(name: str, registered: type[Any]) -> None:
    if not COMMAND_NAME.fullmatch(name):
        raise PluginError(f"'{name}' is not a valid name.", hint="Use small letters, digits and '-', as in a command.")
    if not (registered.__doc__ or "").strip():
        raise PluginError(f"'{name}' has no docstring.", hint="Its first line is the summary everywhere.")
    _check_json(name, registered.options_type)
    _check_field_names(name, "option", registered.options_type)


def _check_agent(name: str, registered: type[Any]) -> None:
    if not COMMAND_NAME.fullmatch(name):
        raise PluginError(f"'{name}' is not a valid name.", hint="Use small letters, digits and '-'.")
    if not (registered.__doc__ or "").strip():
        raise PluginError(f"'{name}' has no docstring.", hint="Its first line is the summary everywhere.")
    abilities = getattr(registered, "abilities", None)
    if not (isinstance(abilities, tuple) and all(isinstance(one, str) and ABILITY.fullmatch(one) for one in abilities)):
        hint = "Write them as ('audio.*', 'video.scenes')."
        raise PluginError(f"The abilities of '{name}' are {quoted(shown(abilities))}.", hint=hint)


def _check_effects(name: str, registered: type[Any]) -> None:
    if registered.effect not in EFFECTS:
        hint = f"Choose from: {', '.join(EFFECTS)}."
        raise PluginError(f"The effect of '{name}' is {quoted(registered.effect)}.", hint=hint)
    if not (isinstance(registered.errors, tuple | list) and all(map(is_text, registered.errors))):
        raise PluginError(f"The errors of '{name}' are not a tuple of codes, such as ('unreadable_media',).")
    if registered.accepts and SOURCE in registered.params_type.model_fields:
        hint = f"Its arguments are one list, in which '{SOURCE}' is the file that it reads."
        raise PluginError(f"'{name}' has a parameter '{SOURCE}'.", hint=hint)


def _check_json(name: str, model: type[BaseModel]) -> None:
    for field, where in _unwritable(model):
        message = f"'{name}' has a value that JSON cannot hold in {where} of '{field}'."
        raise PluginError(message, hint="NaN, infinity, bytes and objects have no JSON form.")


def _check_field_names(name: str, what: str, model: type[BaseModel]) -> None:
    """Refuse aliases: parameters and options are given, stored and shown by one name."""
    for field, info in model.model_fields.items():
        if info.alias or info.validation_alias or info.serialization_alias:
            message = f"'{name}' gives its {what} '{field}' an alias."
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


VALUES = {"commands": _command_name, "event_types": _event_type_name, "settings": _setting_name}
"""The kinds that are values, not classes."""
