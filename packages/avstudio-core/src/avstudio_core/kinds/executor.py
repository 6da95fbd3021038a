"""Where jobs run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from avstudio_core.kinds.host import Host
from avstudio_core.model_requests import Ask, Tell
from avstudio_core.orders import Order, Report

if TYPE_CHECKING:
    from avstudio_core.kinds.processor import Processor


class ExecutorHost(Host, Protocol):
    """What a studio lends to its executor."""

    @property
    def extra_modules(self) -> list[str]:
        """Plugins that were added by hand, which worker processes must import too."""
        ...

    def processor(self, name: str) -> Processor[Any, Any]: ...

    def ask(self, ask: Ask, tell: Tell) -> Callable[[], None]:
        """Ask a language model for a run; `tell` is called from another thread. What it returns gives up."""
        ...

    def distribution(self, name: str) -> str:
        """The installed package that brought a processor."""
        ...


class Executor(ABC):
    """Runs orders and reports on them; each order gets exactly one final report."""

    name: ClassVar[str]

    apart: ClassVar[bool] = False
    """Whether runs have processes of their own: then what ends the studio is most likely not what they do."""

    def __init__(self, host: ExecutorHost, report: Callable[[Report], None]) -> None:
        self.host = host
        self.report = report

    @abstractmethod
    def room(self, lane: str) -> int:
        """How many more orders of a lane may be handed over now."""

    @abstractmethod
    def start(self, order: Order) -> None:
        """Take an order. Returns at once; reports come on the executor's own threads."""

    @abstractmethod
    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; a local one is made to stop when it does not."""

    @abstractmethod
    def close(self) -> None:
        """Stop all that runs and free what is held. Jobs still running are reported `lost`."""
