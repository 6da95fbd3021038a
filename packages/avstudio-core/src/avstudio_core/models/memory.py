"""The memory of the machine: main memory, and Apple's unified memory."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from avstudio_core.errors import PluginError
from avstudio_core.guard import Guard, shown
from avstudio_core.kinds.memory_manager import MemoryManager
from avstudio_core.plugins import Plugins

T = TypeVar("T")

MB = 1 << 20
MOST_MB = 10**9
"""The most memory that a device can have."""
GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
MEMORY_INFO = Path("/proc/meminfo")


def usable(plugins: Plugins) -> list[MemoryManager]:
    """The plugins' memory managers, one for each device; those that cannot be created are left out."""
    made: list[MemoryManager] = []
    for kind in plugins.kind("memory_managers").values():
        with contextlib.suppress(PluginError):
            manager: MemoryManager = plugins.make(kind)
            guard = plugins.guard(kind)
            made.append(manager if guard.trusted else GuardedMemory(manager, guard))
    return made


class GuardedMemory(MemoryManager):
    """A plugin's manager. Raises `PluginError` if a method of the plugin returns the wrong type."""

    def __init__(self, manager: MemoryManager, guard: Guard) -> None:
        self.manager = manager
        self.device, self.unified = manager.device, bool(manager.unified)  # type: ignore[misc]
        self._guard = guard

    def present(self) -> bool:
        return self._asked("present", self.manager.present, bool)

    def total_mb(self) -> int:
        return self._figure("total_mb", self.manager.total_mb)

    def available_mb(self) -> int:
        return self._figure("available_mb", self.manager.available_mb)

    def _figure(self, name: str, method: Callable[[], object]) -> int:
        figure = self._asked(name, method, int)
        if 0 <= figure <= MOST_MB:
            return figure
        raise self._guard.refusal(self._what(name), f"returned '{shown(figure)}', which is not a possible size in MB")

    def _asked(self, name: str, method: Callable[[], object], kind: type[T]) -> T:
        what = self._what(name)
        return self._guard.expect(what, self._guard.call(what, method), kind)

    def _what(self, name: str) -> str:
        return f"'{name}' of memory manager '{self.device}'"


class CpuMemory(MemoryManager):
    """Main memory; in a container, the limit of its cgroup."""

    device: ClassVar[str] = "cpu"
    unified: ClassVar[bool] = True

    def present(self) -> bool:
        return True

    def total_mb(self) -> int:
        installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return min(installed, _group_limit() or installed) // MB

    def available_mb(self) -> int:
        try:
            for line in MEMORY_INFO.read_text().splitlines():
                if line.startswith("MemAvailable:"):
                    return min(int(line.split()[1]) // 1024, self.total_mb())
        except OSError:
            pass
        return _mac_available_mb() or self.total_mb() // 2


class AppleMemory(CpuMemory):
    """The GPU of Apple silicon, which shares the machine's memory."""

    device: ClassVar[str] = "mps"

    def present(self) -> bool:
        return platform.system() == "Darwin" and platform.machine() == "arm64"

    def total_mb(self) -> int:
        return super().total_mb() if self.present() else 0

    def available_mb(self) -> int:
        return super().available_mb() if self.present() else 0


def _group_limit() -> int | None:
    try:
        limit = GROUP_LIMIT.read_text().strip()
    except OSError:
        return None
    return int(limit) if limit.isdigit() else None


def _mac_available_mb() -> int | None:
    """Free, inactive and purgeable memory from `vm_stat`; `None` without `vm_stat`."""
    try:
        lines = subprocess.run(["vm_stat"], capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return None
    size = int("".join(filter(str.isdigit, lines[0])) or 4096)
    counted = ("Pages free", "Pages inactive", "Pages purgeable", "Pages speculative")
    pages = sum(int(line.split(":")[1].strip(" .")) for line in lines if line.startswith(counted))
    return pages * size // MB
