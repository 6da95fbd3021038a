"""The core's own plugin: it registers like any other."""

from __future__ import annotations

from avstudio_core.events import CORE_TYPES, EventType
from avstudio_core.hook_marker import hookimpl
from avstudio_core.kinds.executor import Executor
from avstudio_core.kinds.memory_manager import MemoryManager
from avstudio_core.kinds.router import Router
from avstudio_core.kinds.secret_store import SecretStore


@hookimpl
def register_event_types() -> list[EventType]:
    return [*CORE_TYPES]


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


@hookimpl
def register_secret_stores() -> list[type[SecretStore]]:
    from avstudio_core.secrets.environment import Environment
    from avstudio_core.secrets.file import SecretFile
    from avstudio_core.secrets.keychain import Keychain

    return [Environment, Keychain, SecretFile]
