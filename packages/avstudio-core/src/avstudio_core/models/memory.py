"""What the machine has: main memory, and Apple's unified memory."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import ClassVar

from avstudio_core.kinds.memory_manager import MemoryManager

MB = 1 << 20
GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
MEMORY_INFO = Path("/proc/meminfo")


class CpuMemory(MemoryManager):
    """Main memory; inside a container, what its control group allows."""

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
    """The GPU of Apple silicon: it has no memory of its own but shares the machine's."""

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
    """Free, inactive and purgeable pages, as `vm_stat` counts them; `None` where there is no `vm_stat`."""
    try:
        lines = subprocess.run(["vm_stat"], capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return None
    size = int("".join(filter(str.isdigit, lines[0])) or 4096)
    counted = ("Pages free", "Pages inactive", "Pages purgeable", "Pages speculative")
    pages = sum(int(line.split(":")[1].strip(" .")) for line in lines if line.startswith(counted))
    return pages * size // MB
