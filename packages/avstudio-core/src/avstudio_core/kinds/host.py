"""What a studio lends to the plugins that it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from avstudio_core.results import Needs
    from avstudio_core.settings import Settings
    from avstudio_core.weights import Shelf


class ModelPool(Protocol):
    """Decides which models are in memory. A lane is a set of warm workers that hold the same model, or none."""

    def present(self, device: str) -> bool:
        """Whether a device is on this machine."""
        ...

    def admit(self, lane: str, needs: Needs, evict: Callable[[], bool], gone: Callable[[], bool]) -> None:
        """Wait until a lane has its memory; `evict` frees it on request, `gone` gives the wait up."""
        ...

    def release(self, lane: str) -> None:
        """Give a lane's memory back."""
        ...

    def holds(self, lane: str) -> bool:
        """Whether a lane has its memory."""
        ...

    def touch(self, lane: str) -> None:
        """Mark a lane as just used: the least recently used one is evicted first."""
        ...

    def measured(self, lane: str, memory_mb: int) -> None:
        """Record the most memory that a lane was seen to take, in MB."""
        ...

    def budget_mb(self, device: str = "cpu") -> int:
        """All that models may take on a device, in MB."""
        ...


class Host(Protocol):
    """What every kind of plugin is lent."""

    @property
    def settings(self) -> Settings: ...

    @property
    def shelf(self) -> Shelf: ...

    @property
    def pool(self) -> ModelPool: ...
