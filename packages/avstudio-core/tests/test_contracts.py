from __future__ import annotations

import avstudio_core.builtin
from avstudio_core.gateway.default_router import DefaultRouter
from avstudio_core.models.memory import AppleMemory, CpuMemory
from avstudio_core.testing import (
    ExecutorContract,
    MemoryManagerContract,
    ProcessorContract,
    RouterContract,
    exercises,
)


class TestCopy(ProcessorContract):
    plugin = exercises
    processor = "exercise.copy"


class TestCpuMemory(MemoryManagerContract):
    plugin = avstudio_core.builtin
    manager = CpuMemory


class TestAppleMemory(MemoryManagerContract):
    plugin = avstudio_core.builtin
    manager = AppleMemory


class TestInline(ExecutorContract):
    plugin = avstudio_core.builtin
    executor = "inline"


class TestLocal(ExecutorContract):
    plugin = avstudio_core.builtin
    executor = "local"


class TestDefaultRouter(RouterContract):
    plugin = avstudio_core.builtin
    router = DefaultRouter
