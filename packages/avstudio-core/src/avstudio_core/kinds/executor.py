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
    """The services of a studio for its executor."""

    @property
    def extra_modules(self) -> list[str]:
        """The modules of plugins that were added by hand, which worker processes must also import."""
        ...

    def processor(self, name: str) -> Processor[Any, Any]: ...

    def ask(self, ask: Ask, tell: Tell) -> Callable[[], None]:
        """Call a language model for a run; `tell` is called on another thread. The returned function cancels it."""
        ...

    def distribution(self, name: str) -> str:
        """The installed package that provides a processor."""
        ...


class Executor(ABC):
    """Runs orders and reports on them; each order gets exactly one final report.

    A task whose executor does not report the end of the run, some time after its time limit, fails.
    """

    name: ClassVar[str]

    apart: ClassVar[bool] = False
    """Whether runs have separate processes: then the end of a studio is probably not their fault."""

    may_wait: ClassVar[bool] = False
    """Whether accepted orders may wait for long, such as for memory; otherwise they start within `limit_seconds`."""

    def __init__(self, host: ExecutorHost, report: Callable[[Report], None]) -> None:
        self.host = host
        self.report = report

    @abstractmethod
    def room(self, lane: str) -> int:
        """How many more orders of a lane it accepts now."""

    @abstractmethod
    def start(self, order: Order) -> None:
        """Accept an order. Returns at once; reports come from the executor's threads."""

    @abstractmethod
    def cancel(self, job_id: str) -> None:
        """Cancel a job; a local one is killed if it does not stop."""

    @abstractmethod
    def close(self) -> None:
        """Stop all runs and free all resources. Jobs that still run are reported as `lost`."""
