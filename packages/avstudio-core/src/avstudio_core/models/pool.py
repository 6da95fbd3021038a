"""The model pool: one arbiter for the memory of every model on the machine."""

from __future__ import annotations

import contextlib
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
from avstudio_core.storage.sqlite.database import Database, Transaction
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


BOOK = select(*(loaded_models.c[name] for name in Loaded.__slots__)).order_by(loaded_models.c.used_at)


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """A model that waits for memory."""

    lane: str
    needs: Needs
    memory_mb: int
    entry: str
    """The id that it will have in the book."""


@dataclass(frozen=True, slots=True)
class Held:
    """A model of this studio that is in memory."""

    entry: str
    evict: Callable[[], bool]


class Pool:
    """Admits models to memory, and evicts the least recently used idle one when another needs the room.

    The book is in the database, so that all studios of a data folder share one budget; it has one entry for a lane of
    a studio. A model in use is never evicted: its owner decides, in `evict`. Models of one studio that wait for the
    same memory are admitted first come, first served, so a big one is not starved by its studio's small ones; those of
    other studios may overtake it. `dead` names the studios that have died: what they held is free.
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
        self._held: dict[str, Held] = {}
        self._out: set[str] = set()
        """Entries of models that are out of memory, to be taken out of the book."""
        self._lines: dict[tuple[str, ...], deque[Wish]] = {}
        """Those who wait for the memory that some devices share."""
        self._freed = threading.Event()
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None
        self._guard = threading.Lock()

    def admit(self, lane: str, needs: Needs, evict: Callable[[], bool], gone: Callable[[], bool]) -> None:
        """Wait until the model of a lane fits, and enter it in the book.

        `evict` is to free it when it is idle, and says whether it did; `gone` says that nobody waits any more,
        which raises `TaskCancelled`. Raises `NotEnoughMemory` for a model that can never fit.
        """
        self._refuse_impossible(needs)
        wish = Wish(lane, needs, self._to_book(lane, needs), new_id("model"))
        line = self._lines.setdefault(self._sharing(needs.device), deque())
        line.append(wish)
        try:
            self._keep()
            self._wait(wish, line, gone)
            self._held[lane] = Held(wish.entry, evict)
        finally:
            line.remove(wish)

    def release(self, lane: str) -> None:
        """The lane's model is out of memory. If that cannot be written now, on a full disk say, it is tried again."""
        if held := self._held.get(lane):
            self._out.add(held.entry)
            self._held.pop(lane, None)
            with contextlib.suppress(StorageError):
                self._strike_out()

    def holds(self, lane: str) -> bool:
        return lane in self._held

    def touch(self, lane: str) -> None:
        """The lane's model was just used."""
        if lane in self._held:
            values = {"b_studio": self._studio, "b_lane": lane, "now": time.time()}
            self._database.write_soon(lambda transaction: transaction.execute(TOUCH, values))

    def measured(self, lane: str, memory_mb: int) -> None:
        """What the lane's process took at its peak: when it is more than was declared, the book goes by it.

        It goes up at once, and down by a quarter of the difference with each job. Less than declared proves nothing:
        a longer input may need all of it.
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
        """The book, least recently used first."""
        with self._database.read() as connection:
            return [Loaded(*row) for row in connection.execute(BOOK).all()]

    def waiting(self) -> int:
        """How many models of this studio wait for memory."""
        return sum(map(len, self._lines.values()))

    def present(self, device: str) -> bool:
        """Whether a device is on this machine."""
        return device in self._managers and self._managers[device].present()

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
        if not self._held:
            return
        asked = select(loaded_models.c.lane).where(
            loaded_models.c.studio == self._studio, loaded_models.c.evicting.is_(True)
        )
        with self._database.read() as connection:
            lanes = list(connection.execute(asked).scalars())
        for lane in lanes:
            if held := self._held.get(lane):
                held.evict()

    def close(self) -> None:
        """Obey nobody any more; the book stays as it is."""
        self._closed.set()
        with self._guard:
            keeper = self._keeper
        if keeper is not None:
            keeper.join()

    def _refuse_impossible(self, needs: Needs) -> None:
        """Raise for what is declared to take more than there may ever be; a peak that was measured refuses nothing."""
        family, budget = self._settings.family_mb(needs.family), self.budget_mb(needs.device)
        if family is not None and needs.memory_mb > family:
            raise NotEnoughMemory(
                f"'{needs.model}' needs {needs.memory_mb} MB, but its family may take {family} MB.",
                hint=f"Raise the setting 'memory_{needs.family}_mb', or choose a smaller model.",
            )
        if needs.memory_mb > budget:
            raise NotEnoughMemory(
                f"'{needs.model}' needs {needs.memory_mb} MB, but all models on '{needs.device}' may take {budget} MB.",
                hint="Raise the setting 'memory_mb', or choose a smaller model.",
            )

    def _to_book(self, lane: str, needs: Needs) -> int:
        """What was declared, or measured when that is more; at most all that there is."""
        family, budget = self._settings.family_mb(needs.family), self.budget_mb(needs.device)
        most = budget if family is None else min(budget, family)
        return min(most, max(1, needs.memory_mb, self._measured(lane) or 0))

    def _wait(self, wish: Wish, line: deque[Wish], gone: Callable[[], bool]) -> None:
        """Stand in line, then make room, until the model is in the book."""
        asked_at = 0.0
        while (in_the_way := self._enter(wish) if line[0] is wish else []) is not None:
            if gone():
                raise TaskCancelled(f"The wait for {wish.memory_mb} MB was given up.")
            if self._make_room(in_the_way):
                continue
            if in_the_way and time.monotonic() >= asked_at + PATIENCE_SECONDS:
                self._ask_others(in_the_way)
                asked_at = time.monotonic()
            self._freed.wait(WAIT_SECONDS)
            self._freed.clear()

    def _enter(self, wish: Wish) -> list[Loaded] | None:
        """Write a model into the book if it fits; otherwise give the models that take the memory it needs.

        An older entry of the same lane is replaced: its model has left the memory.
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

    def _make_room(self, in_the_way: list[Loaded]) -> bool:
        """Evict this studio's least recently used idle model among those, if it has one."""
        for model in in_the_way:
            if model.studio == self._studio and (held := self._held.get(model.lane)) and held.evict():
                return True
        return False

    def _ask_others(self, in_the_way: list[Loaded]) -> None:
        """Free what the dead have held, and ask for the least recently used model of another studio.

        Those that were asked for before may be in use for long, so each time one more is asked for.
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
        """Take what is out of memory out of the book."""
        if out := list(self._out):
            struck = delete(loaded_models).where(loaded_models.c.id.in_(out))
            self._database.write(lambda transaction: transaction.execute(struck))
            self._out.difference_update(out)
            self._freed.set()

    def _keep(self) -> None:
        """See to it that this studio obeys as long as it holds or awaits models, whether it runs tasks or not."""
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
                with contextlib.suppress(Exception):  # on a full disk, say: it is tried again
                    duty()

    def _measured(self, lane: str) -> int | None:
        with self._database.read() as connection:
            return connection.execute(
                select(measured_models.c.memory_mb).where(measured_models.c.lane == lane)
            ).scalar()

    def _sharing(self, device: str) -> tuple[str, ...]:
        """The devices that take from the same memory."""
        manager = self._managers.get(device)
        if manager is None or manager.unified:
            return tuple(name for name, one in self._managers.items() if one.unified) or ("cpu",)
        return (device,)
