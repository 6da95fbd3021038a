"""The core's own plugin: it registers like any other."""

from __future__ import annotations

from avstudio_core.hook_marker import hookimpl
from avstudio_core.kinds.executor import Executor
from avstudio_core.kinds.memory_manager import MemoryManager
from avstudio_core.kinds.router import Router


@hookimpl
def register_executors() -> list[type[Executor]]:
    from avstudio_core.tasks.executors.inline import InlineExecutor
    from avstudio_core.tasks.executors.local import LocalExecutor

    return [InlineExecutor, LocalExecutor]


@hookimpl
def register_memory_managers() -> list[type[MemoryManager]]:
    from avstudio_core.models.memory import AppleMemory, CpuMemory

    return [AppleMemory, CpuMemory]


@hookimpl
def register_routers() -> list[type[Router]]:
    from avstudio_core.gateway.default_router import DefaultRouter

    return [DefaultRouter]
