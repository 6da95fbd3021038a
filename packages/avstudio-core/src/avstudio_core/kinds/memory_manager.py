"""A device's memory, as the model pool sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar


class MemoryManager(ABC):
    """Knows how much memory a kind of device has."""

    device: ClassVar[str]
    """`cpu`, `mps`, `cuda` …"""
    unified: ClassVar[bool] = False
    """Whether the device shares the machine's own memory, and so its budget."""

    @abstractmethod
    def present(self) -> bool:
        """Whether the device is on this machine. Quick, and never raises."""

    @abstractmethod
    def total_mb(self) -> int:
        """All of its memory, in MB; 0 where it is absent."""

    @abstractmethod
    def available_mb(self) -> int:
        """What could be taken now, in MB; 0 where it is absent."""
