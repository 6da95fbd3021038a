"""Turns: which owner gets the next task of a lane, so that the many tasks of one do not hold up those of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import count, islice

Key = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Place:
    """An owner with ready tasks in a lane: how many of its tasks run there, and its last turn."""

    owner: str
    running: int
    last: int
    oldest: str
    """The id of its next task, which decides between owners without a turn."""

    def key(self, given: int) -> Key:
        """Sorts its next task after `given` ones: few running tasks first, then the turn that is the longest ago."""
        return self.running + given, self.last, self.oldest

    def keys(self, given: int) -> Iterator[tuple[Key, str]]:
        return ((self.key(n), self.owner) for n in count(given))


def shares(places: Iterable[Place], given: Mapping[str, int], room: int) -> Counter[str]:
    """How many of the next tasks each owner gets, if it has enough, after those that were given."""
    keys = merge(*(place.keys(given.get(place.owner, 0)) for place in places))
    return Counter(owner for _, owner in islice(keys, room))


class Turns:
    """The last turn of each owner with tasks in a lane, in this process: it only decides between equals."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, int]] = {}
        self._number = count()

    def places(self, lane: str, waiting: Mapping[str, str], running: Mapping[str, int]) -> list[Place]:
        """The places of owners, given the ids of their next tasks; those without tasks in the lane are forgotten."""
        before = self._last.get(lane, {})
        last = self._last[lane] = {owner: before[owner] for owner in (*waiting, *running) if owner in before}
        return [Place(owner, running.get(owner, 0), last.get(owner, -1), oldest) for owner, oldest in waiting.items()]

    def took(self, lane: str, owners: Iterable[str]) -> None:
        """Record whose tasks were taken, in their order."""
        self._last[lane].update((owner, next(self._number)) for owner in owners)
