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


class Pool:
    """Admits models to memory, and evicts the least recently used idle one when another needs the room.

    The book is in the database, so that all studios of a data folder share one budget. A model in use is never
    evicted: its owner decides, in `evict`. Waiting models are admitted first come, first served, so a big one
    is not starved by small ones.
    """

    def __init__(self, database: Database, studio: str, settings: Settings, managers: list[MemoryManager]) -> None:
        self._database = database
        self._studio = studio
        self._settings = settings
        self._managers = {manager.device: manager for manager in managers}
        self._evict: dict[str, Callable[[], bool]] = {}
        self._line: deque[object] = deque()
        self._freed = threading.Event()

    def admit(self, lane: str, needs: Needs, evict: Callable[[], bool], gone: Callable[[], bool]) -> None:
        """Wait until the model of a lane fits, and enter it in the book.

        `evict` is to free it when it is idle, and says whether it did; `gone` says that nobody waits any more,
        which raises `TaskCancelled`. Raises `NotEnoughMemory` for a model that can never fit.
        """
        memory_mb = max(1, needs.memory_mb, self._measured(lane) or 0)
        self._refuse_impossible(needs, memory_mb)
        ticket = object()
        self._line.append(ticket)
        try:
            while not (self._line[0] is ticket and self._enter(lane, needs, memory_mb)):
                if gone():
                    raise TaskCancelled(f"The wait for {memory_mb} MB was given up.")
                if self._line[0] is not ticket or not self._make_room(needs):
                    self._freed.wait(WAIT_SECONDS)
                    self._freed.clear()
        finally:
            self._line.remove(ticket)
        self._evict[lane] = evict

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
        """Evict this studio's least recently used idle model, or ask another studio for one of its own."""
        sharing = self._sharing(needs.device)
        candidates = [model for model in self.loaded() if model.device in sharing]
        for model in candidates:
            if model.studio == self._studio and (evict := self._evict.get(model.lane)) and evict():
                return True
        foreign = [model for model in candidates if model.studio != self._studio]
        if foreign:
            asked = (loaded_models.c.studio == foreign[0].studio, loaded_models.c.lane == foreign[0].lane)
            request = update(loaded_models).where(*asked).values(evicting=True)
            self._database.write(lambda transaction: transaction.execute(request))
        return False

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
