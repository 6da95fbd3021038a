"""The core of AV-Studio: plugins, plans, durable tasks, models, artifacts.

Names are imported when they are first used: `import avstudio_core` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact, MediaFacts
    from avstudio_core.context import Context
    from avstudio_core.errors import AVStudioError, InvalidInput, MissingDependency, UnreadableMedia
    from avstudio_core.kinds.memory_manager import MemoryManager
    from avstudio_core.kinds.processor import Needs, Params, Processor, Result, Review
    from avstudio_core.kinds.weights import Weights, WeightsFile
    from avstudio_core.marking import hookimpl
    from avstudio_core.plan import Plan, Step
    from avstudio_core.studio import Studio
    from avstudio_core.tasks.task import TaskOptions

__version__ = "0.1.0"

_HOMES = {
    "AVStudioError": "errors",
    "Artifact": "artifact",
    "Context": "context",
    "InvalidInput": "errors",
    "MediaFacts": "artifact",
    "MemoryManager": "kinds.memory_manager",
    "MissingDependency": "errors",
    "Needs": "kinds.processor",
    "Params": "kinds.processor",
    "Plan": "plan",
    "Processor": "kinds.processor",
    "Result": "kinds.processor",
    "Review": "kinds.processor",
    "Step": "plan",
    "Studio": "studio",
    "TaskOptions": "tasks.task",
    "UnreadableMedia": "errors",
    "Weights": "kinds.weights",
    "WeightsFile": "kinds.weights",
    "hookimpl": "marking",
}

__all__ = [
    "AVStudioError",
    "Artifact",
    "Context",
    "InvalidInput",
    "MediaFacts",
    "MemoryManager",
    "MissingDependency",
    "Needs",
    "Params",
    "Plan",
    "Processor",
    "Result",
    "Review",
    "Step",
    "Studio",
    "TaskOptions",
    "UnreadableMedia",
    "Weights",
    "WeightsFile",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'avstudio_core' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"avstudio_core.{_HOMES[name]}"), name)
