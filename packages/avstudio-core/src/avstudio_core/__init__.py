"""The core of AV-Studio: plugins, plans, durable tasks, models, artifacts.

Names are imported when they are first used: `import avstudio_core` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact, MediaFacts
    from avstudio_core.context import Context
    from avstudio_core.errors import (
        AVStudioError,
        DataFolderError,
        Degraded,
        DiskFull,
        EgressRefused,
        InvalidInput,
        InvalidParams,
        InvalidPlan,
        MissingDependency,
        ModelError,
        NoModel,
        NotEnoughMemory,
        NotFound,
        OutputExists,
        OverBudget,
        PluginError,
        StorageError,
        TaskBlocked,
        TaskCancelled,
        TaskError,
        TaskFailed,
        Unavailable,
        UnreadableMedia,
        WeightsMissing,
    )
    from avstudio_core.handle import Handle, PlanHandle
    from avstudio_core.hook_marker import hookimpl
    from avstudio_core.kinds.memory_manager import MemoryManager
    from avstudio_core.kinds.processor import CodedWarning, Needs, Params, Processor, Result, Review
    from avstudio_core.kinds.weights import Weights, WeightsFile
    from avstudio_core.plan import Plan, Ref, Step
    from avstudio_core.studio import Studio
    from avstudio_core.tasks.events.event_log import Event
    from avstudio_core.tasks.states import State
    from avstudio_core.tasks.task import Task, TaskOptions

__version__ = "0.1.0"

_HOMES = {
    "AVStudioError": "errors",
    "Artifact": "artifact",
    "CodedWarning": "kinds.processor",
    "Context": "context",
    "DataFolderError": "errors",
    "Degraded": "errors",
    "DiskFull": "errors",
    "EgressRefused": "errors",
    "Event": "tasks.events.event_log",
    "Handle": "handle",
    "InvalidInput": "errors",
    "InvalidParams": "errors",
    "InvalidPlan": "errors",
    "MediaFacts": "artifact",
    "MemoryManager": "kinds.memory_manager",
    "MissingDependency": "errors",
    "ModelError": "errors",
    "Needs": "kinds.processor",
    "NoModel": "errors",
    "NotEnoughMemory": "errors",
    "NotFound": "errors",
    "OutputExists": "errors",
    "OverBudget": "errors",
    "Params": "kinds.processor",
    "Plan": "plan",
    "PlanHandle": "handle",
    "PluginError": "errors",
    "Processor": "kinds.processor",
    "Ref": "plan",
    "Result": "kinds.processor",
    "Review": "kinds.processor",
    "State": "tasks.states",
    "Step": "plan",
    "StorageError": "errors",
    "Studio": "studio",
    "Task": "tasks.task",
    "TaskBlocked": "errors",
    "TaskCancelled": "errors",
    "TaskError": "errors",
    "TaskFailed": "errors",
    "TaskOptions": "tasks.task",
    "Unavailable": "errors",
    "UnreadableMedia": "errors",
    "Weights": "kinds.weights",
    "WeightsFile": "kinds.weights",
    "WeightsMissing": "errors",
    "hookimpl": "hook_marker",
}

__all__ = [
    "AVStudioError",
    "Artifact",
    "CodedWarning",
    "Context",
    "DataFolderError",
    "Degraded",
    "DiskFull",
    "EgressRefused",
    "Event",
    "Handle",
    "InvalidInput",
    "InvalidParams",
    "InvalidPlan",
    "MediaFacts",
    "MemoryManager",
    "MissingDependency",
    "ModelError",
    "Needs",
    "NoModel",
    "NotEnoughMemory",
    "NotFound",
    "OutputExists",
    "OverBudget",
    "Params",
    "Plan",
    "PlanHandle",
    "PluginError",
    "Processor",
    "Ref",
    "Result",
    "Review",
    "State",
    "Step",
    "StorageError",
    "Studio",
    "Task",
    "TaskBlocked",
    "TaskCancelled",
    "TaskError",
    "TaskFailed",
    "TaskOptions",
    "Unavailable",
    "UnreadableMedia",
    "Weights",
    "WeightsFile",
    "WeightsMissing",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'avstudio_core' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"avstudio_core.{_HOMES[name]}"), name)
