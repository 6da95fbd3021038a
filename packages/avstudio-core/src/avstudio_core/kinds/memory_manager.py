"""The memory of a device, for the model pool."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar


class MemoryManager(ABC):
    """Knows how much memory a kind of device has."""

    device: ClassVar[str]
    """`cpu`, `mps`, `cuda` …"""
    unified: ClassVar[bool] = False
    """Whether the device shares the machine's main memory, and so its budget."""

    @abstractmethod
    def present(self) -> bool:
        """Whether the device is on this machine. Fast, and never raises an error."""

    @abstractmethod
    def total_mb(self) -> int:
        """The device's total memory in MB; 0 if it is absent."""

    @abstractmethod
    def available_mb(self) -> int:
        """The free memory in MB; 0 if the device is absent."""
