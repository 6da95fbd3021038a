"""Claims: which ready tasks of a lane are taken next, and those of which owners."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from operator import itemgetter

from avstudio_core.storage.database import Transaction
from avstudio_core.tasks.queue import statements
from avstudio_core.tasks.queue.queue_types import Claimed, Wanted
from avstudio_core.tasks.queue.turns import Turns, shares


class Claims:
    """Takes tasks for a studio: PENDING → ASSIGNED. Owners take turns."""

    def __init__(self, studio: str) -> None:
        self._studio = studio
        self._turns = Turns()

    def take(self, transaction: Transaction, wanted: Wanted, now: float) -> list[Claimed]:
        owners = dict(transaction.run(statements.WAITING_OWNERS, {"b_lane": wanted.lane}).fetchall())
        if len(owners) > 1:
            return self._in_turn(transaction, wanted, owners, now)
        return [task for owner in owners for task in self._of(transaction, wanted, owner, wanted.limit, now)]

    def _in_turn(
        self, transaction: Transaction, wanted: Wanted, owners: Mapping[str, str], now: float
    ) -> list[Claimed]:
        """The next tasks of several owners; an owner that has fewer than its share leaves the rest to the others."""
        running = dict(transaction.run(statements.RUNNING, {"b_lane": wanted.lane}).fetchall())
        places = {place.owner: place for place in self._turns.places(wanted.lane, owners, running)}
        left, given = dict(places), Counter[str]()
        taken: list[tuple[tuple[int, int, str], Claimed]] = []
        while left and len(taken) < wanted.limit:
            for owner, share in shares(left.values(), given, wanted.limit - len(taken)).items():
                found = self._of(transaction, wanted, owner, share, now)
                taken += [(places[owner].key(given[owner] + n), task) for n, task in enumerate(found)]
                given[owner] += len(found)
                if len(found) < share:
                    del left[owner]
        taken.sort(key=itemgetter(0))
        self._turns.took(wanted.lane, [task.owner for _, task in taken])
        return [task for _, task in taken]

    def _of(self, transaction: Transaction, wanted: Wanted, owner: str, limit: int, now: float) -> list[Claimed]:
        """The next tasks of an owner: those of this studio first, then by priority, then the oldest."""
        values = {"now": now, "studio": self._studio, "b_lane": wanted.lane, "b_owner": owner}
        values["processors"] = json.dumps([*wanted.only])
        taken: list[Claimed] = []
        for mine in (True,) if wanted.own else (True, False):
            if limit > len(taken):
                rows = transaction.run(statements.CLAIM[mine], {**values, "limit": limit - len(taken)}).fetchall()
                taken += sorted(map(Claimed._make, rows), key=lambda task: (-task.priority, task.id))
        return taken
