"""The limits of a worker process: the kernel enforces some, and its studio measures the rest."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from avstudio_core.settings import Settings

MB = 1 << 20
SHARE_OF_MEMORY = 0.75
"""The part of this machine's memory that a worker may use, unless the setting says how much."""
ADDRESSES = 2
"""How much more memory a worker may reserve than use."""
PAGE = os.sysconf("SC_PAGE_SIZE")
KEPT = ("Pss_Anon:", "Pss_Shmem:")
"""Memory that no file holds; a process shares it fairly with others that use it, too."""


@dataclass(frozen=True, slots=True)
class Excess:
    """Why a worker was stopped."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker with its child processes may use; every limit is finite."""

    memory_mb: int
    processes: int
    files: int
    disk_mb: int

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        installed = PAGE * os.sysconf("SC_PHYS_PAGES") // MB
        memory_mb = min(settings.worker_mb or int(SHARE_OF_MEMORY * installed), 2**31)
        return cls(memory_mb, settings.worker_processes, settings.worker_files, min(settings.worker_disk_mb, 2**31))

    def apply(self, *, reserved: bool) -> None:
        """Let the kernel enforce its part for this process and its children.

        `reserved` also limits memory that is reserved and not used; drivers of GPUs reserve much more than they use.
        """
        _lower(resource.RLIMIT_CORE, 0)
        _lower(resource.RLIMIT_NOFILE, self.files)
        _lower(resource.RLIMIT_FSIZE, self.disk_mb * MB)
        if reserved:
            _lower(resource.RLIMIT_DATA, ADDRESSES * self.memory_mb * MB)

    def excess(self, pid: int) -> Excess | None:
        """Which limit a worker with its children exceeds, as far as this system shows it."""
        family = list(_family(pid))
        if len(family) - 1 > self.processes:
            message = f"A worker started more than {self.processes} processes, and was stopped."
            return Excess("process_limit", message, "The limit is the setting 'worker_processes'.")
        if sum(map(_resident, family)) > self.memory_mb * MB and sum(map(_kept, family)) > self.memory_mb * MB:
            message = f"A worker used more than {self.memory_mb} MB of memory, and was stopped."
            return Excess("out_of_memory", message, "Shorten the source, or raise the setting 'worker_mb'.")
        return None

    def full(self, folder: Path) -> Excess | None:
        """Whether a worker's files exceed their limit."""
        if sum(_sizes(folder)) <= self.disk_mb * MB:
            return None
        message = f"A worker wrote more than {self.disk_mb} MB of files, and was stopped."
        return Excess("disk_limit", message, "The limit is the setting 'worker_disk_mb'.")


def _lower(kind: int, limit: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    _, most = resource.getrlimit(kind)
    if most == resource.RLIM_INFINITY or limit < most:
        with contextlib.suppress(OSError, ValueError):  # macOS has no limit of some kinds
            resource.setrlimit(kind, (limit, limit))


def _family(pid: int) -> Iterator[int]:
    """A process and all below it that have not ended."""
    yield pid
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                for child in file.read().split():
                    yield from _family(int(child))


def _resident(pid: int) -> int:
    """The memory of a process in bytes, with all that it shares."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE
    return 0


def _kept(pid: int) -> int:
    """The memory of a process in bytes, with its share of what it shares, and without cached files; this is slow."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) << 10 for line in file if line.startswith(KEPT))
    return _resident(pid)


def _sizes(folder: Path) -> Iterator[int]:
    """The room that each file below a folder takes, in bytes."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(Path(entry.path))
                else:
                    yield entry.stat(follow_symlinks=False).st_blocks * 512
