"""The processors of this studio as plain data, from which the command line, REST, MCP and the docs are made."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from avstudio_core.commands import Command
from avstudio_core.errors import AVStudioError, PluginError
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    from avstudio_core.models.shelf import InstalledShelf
    from avstudio_core.plugins import Plugins


@dataclass(frozen=True, slots=True)
class Declaration:
    """A processor without its code; the JSON form is stable."""

    name: str
    summary: str
    description: str
    version: str
    distribution: str
    accepts: list[str]
    source_optional: bool
    inputs: dict[str, dict[str, Any]]
    """The files that a run reads, by argument: `source`, and parameters that are files. Each `accepts` media types, is
    `required` or not, and may be `many`."""
    outputs: dict[str, str]
    """The files that a run with default parameters makes; `Studio.outputs` has those of other parameters."""
    params: dict[str, Any]
    """JSON Schema of the parameters."""
    result: dict[str, Any]
    """JSON Schema of the result; its fields may have the hint `view`, with a key path in `of`."""
    needs: dict[str, Any]
    """What a run with default parameters needs; empty if that depends on required parameters or missing weights."""
    network: bool
    """Whether a run opens connections itself."""
    idempotent: bool
    """Whether a second run with the same arguments gives the same result."""
    effect: str
    """What a run changes outside the studio: `none`, `export`, `network` or `delete`."""
    errors: list[str]
    """Codes of the errors that a run may end with."""
    cues: dict[str, list[str]]
    """Phrases that ask for it, by language."""
    nouns: dict[str, list[str]]
    """Words for its outputs, by output."""
    slots: dict[str, str]
    """How a request's words give parameters, by parameter."""
    examples: list[dict[str, Any]]
    """Requests, with their parameters and language."""

    @property
    def medium(self) -> str:
        return self.name.partition(".")[0]

    @property
    def verb(self) -> str:
        return self.name.partition(".")[2]

    @property
    def tool(self) -> str:
        """The name as a tool of a language model: letters, digits and `_`; no two processors have the same."""
        from avstudio_core.declarations import tool_name

        return tool_name(self.name)

    @property
    def arguments(self) -> dict[str, Any]:
        """One JSON Schema of all that a run takes: the source, files and other parameters."""
        source = {"type": "string", "format": "artifact", "title": "Source", "description": SOURCE_HELP}
        first = {"source": source | {"accepts": self.accepts}} if self.accepts else {}
        required = [name for name in first if not self.source_optional] + self.params.get("required", [])
        properties = first | self.params.get("properties", {})
        return self.params | {"properties": properties, "required": required, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class InterfaceDeclaration:
    """An interface without its code; the JSON form is stable."""

    name: str
    summary: str
    description: str
    distribution: str
    options: dict[str, Any]
    """JSON Schema of the options."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a studio can do: the declarations of its processors and interfaces, and what is broken."""

    processors: dict[str, Declaration] = field(default_factory=dict)
    """By name."""
    interfaces: dict[str, InterfaceDeclaration] = field(default_factory=dict)
    """By name."""
    commands: dict[str, Command] = field(default_factory=dict)
    """Commands of the command line that are neither processors nor interfaces, by name."""
    weights: dict[str, list[str]] = field(default_factory=dict)
    """The names of the declared weights by family, the best first."""
    broken: dict[str, str] = field(default_factory=dict)
    """Plugins, and classes of theirs, that cannot be used, each with the reason."""


SOURCE_HELP = "The file to process: a path, or the id of an artifact."


def declare(processor: Any, distribution: str) -> Declaration:
    """The declaration of a processor."""
    from avstudio_core.vocabulary import vocabulary

    text = inspect.cleandoc(type(processor).__doc__ or "")
    outputs = _by_default(processor, lambda params: outputs_of(processor, params))
    needs = _default_needs(processor)
    schemas = processor.params_type.model_json_schema(), processor.result_type.model_json_schema(mode="serialization")
    json.dumps((text, outputs, schemas), allow_nan=False, ensure_ascii=False).encode()
    return Declaration(
        name=processor.name,
        summary=text.split("\n", 1)[0],
        description=text,
        version=processor.version,
        distribution=distribution,
        accepts=list(processor.accepts),
        source_optional=processor.source_optional,
        inputs=_inputs(processor),
        outputs=outputs,
        params=schemas[0],
        result=schemas[1],
        needs=needs,
        network=bool(needs.get("network")),
        idempotent=processor.cacheable,
        effect=processor.effect,
        errors=_errors(processor, needs),
        **vocabulary(processor),
    )


def outputs_of(processor: Any, params: Any) -> dict[str, str]:
    """The files that a run with these parameters makes, as media types by name. Raises `PluginError`."""
    from avstudio_core.artifact import wrong_outputs

    outputs = {**processor.outputs(params)}
    if wrong := wrong_outputs(outputs):
        raise PluginError(f"'outputs' returned {quoted(wrong, 60)}, which are not names with media types.")
    return outputs


def _by_default(processor: Any, compute: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """What follows from the default parameters; nothing if it depends on required ones, or on a missing model."""
    try:
        return compute(processor.params_type())
    except PluginError:
        raise
    except (ValueError, AVStudioError):
        return {}


def _default_needs(processor: Any) -> dict[str, Any]:
    try:
        needs: dict[str, Any] = processor.needs(processor.params_type(), None).model_dump(mode="json")
    except Exception:  # a task that is submitted gets the error
        return {}
    return needs


def _inputs(processor: Any) -> dict[str, dict[str, Any]]:
    from avstudio_core.inputs import file_parameters

    source = {"accepts": list(processor.accepts), "many": False, "required": not processor.source_optional}
    found = {"source": source} if processor.accepts else {}
    for name, one in file_parameters(processor.params_type).items():
        required = processor.params_type.model_fields[name].is_required()
        found[name] = {"accepts": list(one.accepts), "many": one.many, "required": required}
    return found


def _errors(processor: Any, needs: Mapping[str, Any]) -> list[str]:
    """The codes that the declaration names, and those that follow from it."""
    found = {"invalid_params"} if processor.params_type.model_fields else set[str]()
    found |= {"invalid_input", "unreadable_media"} if processor.accepts else set()
    found |= {"weights_missing", "not_enough_memory"} if needs.get("model") else set()
    found |= {"egress_refused"} if needs.get("network") else set()
    return sorted({*found, *processor.errors, "task_cancelled"})


def declare_interface(interface: Any, distribution: str) -> InterfaceDeclaration:
    """The declaration of an interface."""
    text = inspect.cleandoc(interface.__doc__ or "")
    options = interface.options_type.model_json_schema()
    json.dumps((text, options), allow_nan=False, ensure_ascii=False).encode()
    return InterfaceDeclaration(interface.name, text.split("\n", 1)[0], text, distribution, options)


def collected(plugins: Plugins, shelf: InstalledShelf) -> Catalogue:
    """The catalogue of plugins that are loaded."""
    broken: dict[str, str] = {}
    processors = _declared(plugins, "processors", lambda kind: (declare, plugins.make(kind, shelf)), broken)
    interfaces = _declared(plugins, "interfaces", lambda kind: (declare_interface, kind), broken)
    for refused in plugins.refused.values():
        broken |= refused
    weights: dict[str, list[str]] = {}
    for one in shelf.all():
        weights.setdefault(one.family, []).append(one.name)
    commands = plugins.kind("commands")
    taken = {one.medium for one in processors.values()} | {name.partition(" ")[0] for name in commands}
    for name in interfaces.keys() & taken:
        del interfaces[name]
        broken[name] = f"The interface '{name}' has the name of another command. Rename it."
    return Catalogue(processors, interfaces, commands, weights, plugins.broken | broken)


def _declared(plugins: Plugins, kind: str, declaring: Callable[[Any], Any], broken: dict[str, str]) -> dict[str, Any]:
    """The declarations of a kind by name; why one cannot be made is added to `broken`."""
    found = {}
    for name, registered in sorted(plugins.kind(kind).items()):
        plugin = plugins.distribution_of(registered)
        try:
            call, subject = declaring(registered)
            what, distribution = f"The declaration of '{name}'", plugin.distribution if plugin else ""
            found[name] = plugins.guard(registered).call(what, call, subject, distribution)
        except AVStudioError as error:
            broken[name] = str(error)
    return found
