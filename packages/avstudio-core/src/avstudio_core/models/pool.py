"""The model pool: one arbiter for the memory of every model on the machine."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, delete, func, insert, select, update

from avstudio_core.artifact import new_id
from avstudio_core.errors import NotEnoughMemory, TaskCancelled
from avstudio_core.kinds.memory_manager import MemoryManager
from avstudio_core.kinds.processor import Needs
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.tables import loaded_models, measured_models

if TYPE_CHECKING:
    from avstudio_core.settings import Settings

WAIT_SECONDS = 0.05
OBEY_SECONDS = 0.1
"""Between two looks at whether another studio needs the memory of idle models."""
PATIENCE_SECONDS = 0.5
"""How long another studio may take to give up a model, before one that was used later is asked for as well."""
_MINE = (loaded_models.c.studio == bindparam("b_studio"), loaded_models.c.lane == bindparam("b_lane"))
TOUCH = update(loaded_models).where(*_MINE).values(used_at=bindparam("now"))
RELEASE = delete(loaded_models).where(*_MINE)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is in memory somewhere on this machine."""

    studio: str
    lane: str
    family: str
    device: str
    memory_mb: int
    used_at: float
    evicting: bool = False
    """Another studio asked for its memory."""


class Pool:
    """Admits models to memory, and evicts the least recently used idle one when another needs the room.

    The book is in the database, so that all studios of a data folder share one budget. A model in use is never
    evicted: its owner decides, in `evict`. Waiting models are admitted first come, first served, so a big one
    is not starved by small ones. `dead` names the studios that have died: what they held is free.
    """

    def __init__(
        self,
        database: Database,
        studio: str,
        settings: Settings,
        managers: list[MemoryManager],
        dead: Callable[[], list[str]] = list,
    ) -> None:
        self._database = database
        self._dead = dead
        self._studio = studio
        self._settings = settings
        self._managers = {manager.device: manager for manager in managers}
        self._evict: dict[str, Callable[[], bool]] = {}
        self._line: deque[object] = deque()
        self._freed = threading.Event()
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None
        self._guard = threading.Lock()

    def admit(self, lane: str, needs: Needs, evict: Callable[[], bool], gone: Callable[[], bool]) -> None:
        """Wait until the model of a lane fits, and enter it in the book.

        `evict` is to free it when it is idle, and says whether it did; `gone` says that nobody waits any more,
        which raises `TaskCancelled`. Raises `NotEnoughMemory` for a model that can never fit.
        """
        memory_mb = max(1, needs.memory_mb, self._measured(lane) or 0)
        self._refuse_impossible(needs, memory_mb)
        ticket = object()
        self._line.append(ticket)
        asked_at = 0.0
        try:
            while not (self._line[0] is ticket and self._enter(lane, needs, memory_mb)):
                if gone():
                    raise TaskCancelled(f"The wait for {memory_mb} MB was given up.")
                if self._line[0] is ticket and self._make_room(needs):
                    continue
                if self._line[0] is ticket and time.monotonic() >= asked_at + PATIENCE_SECONDS:
                    self._ask_others(needs)
                    asked_at = time.monotonic()
                self._freed.wait(WAIT_SECONDS)
                self._freed.clear()
        finally:
            self._line.remove(ticket)
        self._evict[lane] = evict
        self._keep()

    def release(self, lane: str) -> None:
        """The lane's model is out of memory."""
        if self._evict.pop(lane, None) is not None:
            values = {"b_studio": self._studio, "b_lane": lane}
            self._database.write(lambda transaction: transaction.execute(RELEASE, values))
            self._freed.set()

    def holds(self, lane: str) -> bool:
        return lane in self._evict

    def touch(self, lane: str) -> None:
        """The lane's model was just used."""
        if lane in self._evict:
            values = {"b_studio": self._studio, "b_lane": lane, "now": time.time()}
            self._database.write_soon(lambda transaction: transaction.execute(TOUCH, values))

    def measured(self, lane: str, memory_mb: int) -> None:
        """What the lane's process took at its peak: when it is more than was declared, the book goes by it.

        Less than declared proves nothing: a longer input may need all of it.
        """

        def operation(transaction: Transaction) -> None:
            known = transaction.execute(
                select(measured_models.c.memory_mb).where(measured_models.c.lane == lane)
            ).scalar()
            if known is None:
                transaction.execute(insert(measured_models), {"lane": lane, "memory_mb": memory_mb})
            elif memory_mb > known:
                transaction.execute(
                    update(measured_models).where(measured_models.c.lane == lane).values(memory_mb=memory_mb)
                )
            mine = (loaded_models.c.studio == self._studio, loaded_models.c.lane == lane)
            peak = case((loaded_models.c.memory_mb > memory_mb, loaded_models.c.memory_mb), else_=memory_mb)
            transaction.execute(update(loaded_models).where(*mine).values(memory_mb=peak, used_at=time.time()))

        self._database.write_soon(operation)

    def loaded(self) -> list[Loaded]:
        """The book, least recently used first."""
        columns = [loaded_models.c[name] for name in Loaded.__slots__]
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).order_by(loaded_models.c.used_at)).all()
        return [Loaded(*row) for row in rows]

    def budget_mb(self, device: str = "cpu") -> int:
        """What all models on a device may take together, in MB."""
        manager = self._managers.get(device) or self._managers["cpu"]
        if not manager.unified:
            return manager.total_mb() * 9 // 10
        if self._settings.memory_mb:
            return int(self._settings.memory_mb)
        total = manager.total_mb() or self._managers["cpu"].total_mb()
        return int(max(total - self._settings.memory_system_mb, total // 2))

    def obey(self) -> None:
        """Evict idle models that another studio asked for the memory of."""
        if not self._evict:
            return
        asked = select(loaded_models.c.lane).where(
            loaded_models.c.studio == self._studio, loaded_models.c.evicting.is_(True)
        )
        with self._database.read() as connection:
            lanes = list(connection.execute(asked).scalars())
        for lane in lanes:
            if evict := self._evict.get(lane):
                evict()

    def close(self) -> None:
        """Obey nobody any more; the book stays as it is."""
        self._closed.set()
        with self._guard:
            keeper = self._keeper
        if keeper is not None:
            keeper.join()

    def _refuse_impossible(self, needs: Needs, memory_mb: int) -> None:
        family = self._settings.family_mb(needs.family)
        if family is not None and memory_mb > family:
            setting = f"AVSTUDIO_MEMORY_{needs.family.upper()}_MB"
            raise NotEnoughMemory(
                f"'{needs.model}' needs {memory_mb} MB and its family may take {family} MB. Raise {setting}, "
                "or choose a smaller model."
            )
        budget = self.budget_mb(needs.device)
        if memory_mb > budget:
            raise NotEnoughMemory(
                f"'{needs.model}' needs {memory_mb} MB and all models on '{needs.device}' may take {budget} MB. "
                "Raise AVSTUDIO_MEMORY_MB, or choose a smaller model."
            )

    def _enter(self, lane: str, needs: Needs, memory_mb: int) -> bool:
        """Write the model into the book if it fits beside what is loaded."""
        family, budget = self._settings.family_mb(needs.family), self.budget_mb(needs.device)
        sharing = self._sharing(needs.device)

        def operation(transaction: Transaction) -> bool:
            taken = select(func.coalesce(func.sum(loaded_models.c.memory_mb), 0))
            there = loaded_models.c.device.in_(sharing)
            if transaction.execute(taken.where(there)).scalar() + memory_mb > budget:
                return False
            of_family = taken.where(there, loaded_models.c.family == needs.family)
            if family is not None and transaction.execute(of_family).scalar() + memory_mb > family:
                return False
            row: dict[str, Any] = {"id": new_id("model"), "studio": self._studio, "lane": lane, "family": needs.family}
            row |= {"device": needs.device, "memory_mb": memory_mb, "used_at": time.time()}
            transaction.execute(insert(loaded_models), {**row, "evicting": False})
            return True

        return self._database.write(operation)

    def _make_room(self, needs: Needs) -> bool:
        """Evict this studio's least recently used idle model, if it has one."""
        for model in self._beside(needs):
            if model.studio == self._studio and (evict := self._evict.get(model.lane)) and evict():
                return True
        return False

    def _ask_others(self, needs: Needs) -> None:
        """Free what the dead have held, and ask for the least recently used model of another studio.

        Those that were asked for before may be in use for long, so each time one more is asked for.
        """
        dead = self._dead()
        there = [model for model in self._beside(needs) if model.studio != self._studio]
        gone = delete(loaded_models).where(loaded_models.c.studio.in_(dead))
        if any(model.studio in dead for model in there):
            self._database.write(lambda transaction: transaction.execute(gone))
            self._freed.set()
        elif asked := next((model for model in there if not model.evicting), None):
            one = (loaded_models.c.studio == asked.studio, loaded_models.c.lane == asked.lane)
            request = update(loaded_models).where(*one).values(evicting=True)
            self._database.write(lambda transaction: transaction.execute(request))

    def _beside(self, needs: Needs) -> list[Loaded]:
        """What takes from the memory that a model needs, least recently used first."""
        sharing = self._sharing(needs.device)
        return [model for model in self.loaded() if model.device in sharing]

    def _keep(self) -> None:
        """See to it that this studio obeys as long as it holds models, whether it runs tasks or not."""
        with self._guard:
            if self._keeper is None or not self._keeper.is_alive():
                self._keeper = threading.Thread(target=self._obey_on, name="pool", daemon=True)
                self._keeper.start()

    def _obey_on(self) -> None:
        while not self._closed.wait(OBEY_SECONDS):
            with self._guard:
                if not self._evict:
                    self._keeper = None
                    return
            self.obey()

    def _measured(self, lane: str) -> int | None:
        with self._database.read() as connection:
            return connection.execute(
                select(measured_models.c.memory_mb).where(measured_models.c.lane == lane)
            ).scalar()

    def _sharing(self, device: str) -> list[str]:
        """The devices that take from the same memory."""
        manager = self._managers.get(device)
        if manager is None or manager.unified:
            return [name for name, one in self._managers.items() if one.unified] or ["cpu"]
        return [device]
