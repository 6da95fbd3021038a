"""The services of a studio for its plugins."""

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
        """Wait until a lane has its memory; `evict` frees it on request, and `gone` says whether to stop waiting."""
        ...

    def release(self, lane: str) -> None:
        """Release a lane's memory."""
        ...

    def holds(self, lane: str) -> bool:
        """Whether a lane has its memory."""
        ...

    def touch(self, lane: str) -> None:
        """Mark a lane as just used: the least recently used one is evicted first."""
        ...

    def hand_over(self, lane: str) -> None:
        """Evict the lane's model, between two of its jobs, if another one has waited long for its memory."""
        ...

    def measured(self, lane: str, memory_mb: int) -> None:
        """Record the measured peak memory of a lane, in MB."""
        ...

    def budget_mb(self, device: str = "cpu") -> int:
        """The memory that all models on a device may use, in MB."""
        ...


class Host(Protocol):
    """The services for every kind of plugin."""

    @property
    def settings(self) -> Settings: ...

    @property
    def shelf(self) -> Shelf: ...

    @property
    def pool(self) -> ModelPool: ...
