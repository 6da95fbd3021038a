"""What a processor declares for given parameters: needs, outputs and prerequisites, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from avstudio_core.artifact import Artifact, wrong_outputs
from avstudio_core.guard import Guard, shown
from avstudio_core.inputs import file_parameters
from avstudio_core.kinds.processor import Processor
from avstudio_core.results import Needs, Params


def needed(processor: Processor[Any, Any], params: Params, source: Artifact | None, guard: Guard) -> Needs:
    """The needs of a run. Raises `PluginError` if the processor fails to return them."""
    if type(processor).needs is Processor.needs:
        return Needs()
    what = f"'needs' of processor '{processor.name}'"
    return guard.expect(what, guard.call(what, processor.needs, params, source), Needs)


def prerequisites(processor: Processor[Any, Any], params: Params, guard: Guard) -> Mapping[str, str]:
    """The steps that come first. Raises `PluginError` if the processor fails to return parameters with expressions."""
    if type(processor).prerequisites is Processor.prerequisites:
        return {}
    what = f"'prerequisites' of processor '{processor.name}'"
    found = guard.expect(what, guard.call(what, _plain, processor.prerequisites, params), dict)
    files = file_parameters(processor.params_type)
    if wrong := {name: one for name, one in found.items() if name not in files or not isinstance(one, str)}:
        raise guard.refusal(what, f"returned '{shown(wrong)}', which are not file parameters with expressions")
    return found


def outputs(processor: Processor[Any, Any], params: Params, guard: Guard) -> Mapping[str, str]:
    """The outputs of a run. Raises `PluginError` if the processor fails to return names with media types."""
    if type(processor).outputs is Processor.outputs:
        return {}
    what = f"'outputs' of processor '{processor.name}'"
    promised = guard.expect(what, guard.call(what, _plain, processor.outputs, params), dict)
    if wrong := wrong_outputs(promised):
        raise guard.refusal(what, f"returned '{shown(wrong)}', which are not names with media types")
    return promised


def _plain(outputs: Callable[[Any], Any], params: Params) -> Any:
    """What a processor returns; another mapping as a dictionary."""
    given = outputs(params)
    return dict(given) if isinstance(given, Mapping) else given
