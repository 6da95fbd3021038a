"""The model pool: it controls the memory of all models on the machine."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, delete, insert, select, update

from avstudio_core.artifact import new_id
from avstudio_core.errors import NotEnoughMemory, StorageError, TaskCancelled
from avstudio_core.kinds.memory_manager import MemoryManager
from avstudio_core.results import Needs
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.tables import loaded_models, measured_models

if TYPE_CHECKING:
    from avstudio_core.settings import Settings

WAIT_SECONDS = 0.05
OBEY_SECONDS = 0.1
"""How often to check whether another studio needs the memory of idle models, in seconds."""
PATIENCE_SECONDS = 0.5
"""How long another studio may take to free a model before another model is requested, too, in seconds."""
TURN_SECONDS = 30.0
"""How long a model waits for one that always has work, in seconds; that one then leaves after its job."""
_MINE = (loaded_models.c.studio == bindparam("b_studio"), loaded_models.c.lane == bindparam("b_lane"))
TOUCH = update(loaded_models).where(*_MINE).values(used_at=bindparam("now"))
RELEASE = delete(loaded_models).where(*_MINE)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is in the memory of this machine."""

    studio: str
    lane: str
    family: str
    device: str
    memory_mb: int
    used_at: float
    evicting: bool = False
    """Whether another studio requested its memory."""


BOOK = select(*(loaded_models.c[name] for name in Loaded.__slots__)).order_by(loaded_models.c.used_at)


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """A model that waits for memory."""

    lane: str
    needs: Needs
    memory_mb: int
    entry: str
    """Its id in the table, when it is admitted."""


@dataclass(frozen=True, slots=True)
class Held:
    """A model of this studio that is in memory."""

    entry: str
    evict: Callable[[], bool]


class Pool:
    """Admits models to memory, and evicts the least recently used idle one when another needs its memory.

    The table of loaded models is in the database, so that all studios of a data folder share one budget; it has one
    row for each lane of a studio. A model in use is never evicted: its owner decides in `evict`. Models of one studio
    that wait for the same memory are admitted in order, so that small ones cannot keep a large one waiting; those of
    other studios may be admitted first. `dead` returns the studios that have died, whose memory is free.
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
        self.loads = self.evictions = 0
        """How many models of this studio were admitted, and how many were evicted."""
        self._held: dict[str, Held] = {}
        self._leaving: dict[str, float] = {}
        """The lanes whose models leave the memory after their jobs, and from when on."""
        self._out: set[str] = set()
        """Rows of models that have left the memory, to be deleted."""
        self._lines: dict[tuple[str, ...], deque[Wish]] = {}
        """The models that wait, by the devices that share memory."""
        self._freed = threading.Event()
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None
        self._guard = threading.Lock()

    def admit(self, lane: str, needs: Needs, evict: Callable[[], bool], gone: Callable[[], bool]) -> None:
        """Wait until the model of a lane fits, and add it to the table.

        `evict` frees the model if it is idle, and returns whether it did; if `gone` returns true, the wait ends with
        `TaskCancelled`. Raises `NotEnoughMemory` for a model that can never fit.
        """
        self._refuse_impossible(needs)
        wish = Wish(lane, needs, self._to_book(lane, needs), new_id("model"))
        line = self._lines.setdefault(self._sharing(needs.device), deque())
        line.append(wish)
        try:
            self._keep()
            self._wait(wish, line, gone)
            self._held[lane] = Held(wish.entry, evict)
            self.loads += 1
        finally:
            line.remove(wish)

    def release(self, lane: str) -> None:
        """Record that the lane's model has left the memory; if that cannot be written now, it is retried."""
        if held := self._held.get(lane):
            self._out.add(held.entry)
            self._held.pop(lane, None)
            self._leaving.pop(lane, None)
            with contextlib.suppress(StorageError):
                self._strike_out()

    def holds(self, lane: str) -> bool:
        return lane in self._held

    def touch(self, lane: str) -> None:
        """Record that the lane's model was just used."""
        if lane in self._held:
            values = {"b_studio": self._studio, "b_lane": lane, "now": time.time()}
            self._database.write_soon(lambda transaction: transaction.execute(TOUCH, values))

    def hand_over(self, lane: str) -> None:
        """Evict the lane's model, between two of its jobs, if another one has waited long for its memory."""
        if time.monotonic() >= self._leaving.get(lane, math.inf) and (held := self._held.get(lane)):
            self.evictions += held.evict()

    def measured(self, lane: str, memory_mb: int) -> None:
        """Record the peak memory of the lane's process; if it is more than declared, it replaces the declaration.

        The value rises at once, and falls by a quarter of the difference with each job. A lower peak than declared is
        ignored: a longer input may need all of it.
        """

        def operation(transaction: Transaction) -> None:
            known = transaction.execute(
                select(measured_models.c.memory_mb).where(measured_models.c.lane == lane)
            ).scalar()
            if known is None:
                transaction.execute(insert(measured_models), {"lane": lane, "memory_mb": memory_mb})
            elif memory_mb != known:
                now = max(memory_mb, known - (known - memory_mb) // 4)
                transaction.execute(update(measured_models).where(measured_models.c.lane == lane).values(memory_mb=now))
            mine = (loaded_models.c.studio == self._studio, loaded_models.c.lane == lane)
            peak = case((loaded_models.c.memory_mb > memory_mb, loaded_models.c.memory_mb), else_=memory_mb)
            transaction.execute(update(loaded_models).where(*mine).values(memory_mb=peak, used_at=time.time()))

        self._database.write_soon(operation)

    def loaded(self) -> list[Loaded]:
        """The loaded models, the least recently used first."""
        with self._database.read() as connection:
            return [Loaded(*row) for row in connection.execute(BOOK).all()]

    def waiting(self) -> int:
        """How many models of this studio wait for memory."""
        return sum(map(len, self._lines.values()))

    def present(self, device: str) -> bool:
        """Whether a device is on this machine."""
        return device in self._managers and self._managers[device].present()

    def budget_mb(self, device: str = "cpu") -> int:
        """The memory that all models on a device may use together, in MB."""
        manager = self._managers.get(device) or self._managers["cpu"]
        if not manager.unified:
            return manager.total_mb() * 9 // 10
        if self._settings.memory_mb:
            return int(self._settings.memory_mb)
        total = manager.total_mb() or self._managers["cpu"].total_mb()
        return int(max(total - self._settings.memory_system_mb, total // 2))

    def obey(self) -> None:
        """Evict idle models whose memory another studio requested."""
        if not self._held:
            return
        asked = select(loaded_models.c.lane).where(
            loaded_models.c.studio == self._studio, loaded_models.c.evicting.is_(True)
        )
        with self._database.read() as connection:
            lanes = list(connection.execute(asked).scalars())
        for lane in lanes:
            if held := self._held.get(lane):
                self._leaving.setdefault(lane, time.monotonic() + TURN_SECONDS)
                self.evictions += held.evict()

    def close(self) -> None:
        """Stop answering requests of other studios; the table is not changed."""
        self._closed.set()
        with self._guard:
            keeper = self._keeper
        if keeper is not None:
            keeper.join()

    def _refuse_impossible(self, needs: Needs) -> None:
        """Raise `NotEnoughMemory` if the declared memory exceeds the budget; a measured peak is not checked."""
        family, budget = self._settings.family_mb(needs.family), self.budget_mb(needs.device)
        asks = f"'{needs.model}' needs" if needs.model else f"A run of the family '{needs.family}' needs"
        if family is not None and needs.memory_mb > family:
            raise NotEnoughMemory(
                f"{asks} {needs.memory_mb} MB, but its family may take {family} MB.",
                hint=f"Raise the setting 'memory_{needs.family}_mb', or choose a smaller model.",
            )
        if needs.memory_mb > budget:
            raise NotEnoughMemory(
                f"{asks} {needs.memory_mb} MB, but all models on '{needs.device}' may take {budget} MB.",
                hint="Raise the setting 'memory_mb', or choose a smaller model.",
            )

    def _to_book(self, lane: str, needs: Needs) -> int:
        """The declared or measured memory, whichever is more, but at most the budget."""
        family, budget = self._settings.family_mb(needs.family), self.budget_mb(needs.device)
        most = budget if family is None else min(budget, family)
        return min(most, max(1, needs.memory_mb, self._measured(lane) or 0))

    def _wait(self, wish: Wish, line: deque[Wish], gone: Callable[[], bool]) -> None:
        """Wait in the queue, then free memory, until the model is admitted."""
        asked_at, turn_at = 0.0, time.monotonic() + TURN_SECONDS
        while (in_the_way := self._enter(wish) if line[0] is wish else []) is not None:
            if gone():
                raise TaskCancelled(f"The wait for {wish.memory_mb} MB was cancelled.")
            if self._make_room(in_the_way, turn_at):
                continue
            if in_the_way and time.monotonic() >= asked_at + PATIENCE_SECONDS:
                self._ask_others(in_the_way)
                asked_at = time.monotonic()
            self._freed.wait(WAIT_SECONDS)
            self._freed.clear()

    def _enter(self, wish: Wish) -> list[Loaded] | None:
        """Add a model to the table if it fits; otherwise return the models that use the memory it needs.

        An older row of the same lane is replaced: its model has left the memory.
        """
        needs, mine = wish.needs, (self._studio, wish.lane)
        budgets = (self._settings.family_mb(needs.family), needs.family), (self.budget_mb(needs.device), None)
        sharing = self._sharing(needs.device)

        def operation(transaction: Transaction) -> list[Loaded] | None:
            book = [Loaded(*row) for row in transaction.execute(BOOK).all()]
            beside = [model for model in book if model.device in sharing and (model.studio, model.lane) != mine]
            for budget, family in budgets:
                taking = [model for model in beside if family in (None, model.family)]
                if budget is not None and sum(model.memory_mb for model in taking) + wish.memory_mb > budget:
                    return taking
            transaction.execute(RELEASE, {"b_studio": self._studio, "b_lane": wish.lane})
            row: dict[str, Any] = {"id": wish.entry, "studio": self._studio, "lane": wish.lane, "family": needs.family}
            row |= {"device": needs.device, "memory_mb": wish.memory_mb, "used_at": time.time(), "evicting": False}
            transaction.execute(insert(loaded_models), row)
            return None

        return self._database.write(operation)

    def _make_room(self, in_the_way: list[Loaded], turn_at: float) -> bool:
        """Evict the least recently used idle one of these models, if it belongs to this studio.

        From `turn_at` on, the least recently used one leaves after its job.
        """
        if time.monotonic() >= turn_at:
            self._leaving |= {one.lane: turn_at for one in in_the_way[:1] if one.studio == self._studio}
        for model in in_the_way:
            if model.studio == self._studio and (held := self._held.get(model.lane)) and held.evict():
                self.evictions += 1
                return True
        return False

    def _ask_others(self, in_the_way: list[Loaded]) -> None:
        """Delete the rows of dead studios, and request the least recently used model of another studio.

        Models that were requested before may be in use for long, so each call requests one more.
        """
        dead = self._dead()
        there = [model for model in in_the_way if model.studio != self._studio]
        gone = delete(loaded_models).where(loaded_models.c.studio.in_(dead))
        if any(model.studio in dead for model in there):
            self._database.write(lambda transaction: transaction.execute(gone))
            self._freed.set()
        elif asked := next((model for model in there if not model.evicting), None):
            one = (loaded_models.c.studio == asked.studio, loaded_models.c.lane == asked.lane)
            request = update(loaded_models).where(*one).values(evicting=True)
            self._database.write(lambda transaction: transaction.execute(request))

    def _strike_out(self) -> None:
        """Delete the rows of models that have left the memory."""
        if out := list(self._out):
            struck = delete(loaded_models).where(loaded_models.c.id.in_(out))
            self._database.write(lambda transaction: transaction.execute(struck))
            self._out.difference_update(out)
            self._freed.set()

    def _keep(self) -> None:
        """Start the thread that answers other studios, as long as this studio holds or waits for models."""
        with self._guard:
            if self._keeper is None or not self._keeper.is_alive():
                self._keeper = threading.Thread(target=self._obey_on, name="pool", daemon=True)
                self._keeper.start()

    def _obey_on(self) -> None:
        while not self._closed.wait(OBEY_SECONDS):
            with self._guard:
                if not (self._held or self._out or self.waiting()):
                    self._keeper = None
                    return
            for duty in (self._strike_out, self.obey):
                with contextlib.suppress(Exception):  # for example on a full disk: it is retried
                    duty()

    def _measured(self, lane: str) -> int | None:
        with self._database.read() as connection:
            return connection.execute(
                select(measured_models.c.memory_mb).where(measured_models.c.lane == lane)
            ).scalar()

    def _sharing(self, device: str) -> tuple[str, ...]:
        """The devices that share memory with a device."""
        manager = self._managers.get(device)
        if manager is None or manager.unified:
            return tuple(name for name, one in self._managers.items() if one.unified) or ("cpu",)
        return (device,)
