"""Which events a listener wants."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self, TypeAlias, TypedDict

from avstudio_core.errors import InvalidInput
from avstudio_core.events import Event
from avstudio_core.names import checked
from avstudio_core.quotes import quoted
from avstudio_core.reach import ALL, Reach

Names: TypeAlias = str | Collection[str] | None
"""One name or several; `None` accepts all."""


class Conditions(TypedDict, total=False):
    """What a user may say about the events to listen to; `None` accepts all."""

    subjects: Names
    plan: str | None
    owner: str | None
    types: Names


class Row(NamedTuple):
    """An event as it is read; most are of no interest to any listener."""

    seq: int
    time: float
    subject: str
    type: str
    data: str
    owner: str
    project: str | None
    plan: str | None
    of_task: bool
    result: str | None
    """The result of the task that completed, as JSON."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Events that meet every condition given; `None` accepts all. A plan's events are those of its tasks, too."""

    subjects: frozenset[str] | None = None
    plan: str | None = None
    owner: str | None = None
    types: frozenset[str] | None = None
    project: str | None = None

    @classmethod
    def of(cls, subjects: Names = None, plan: str | None = None, owner: str | None = None, types: Names = None) -> Self:
        """The filter that a user describes. Raises `InvalidInput`."""
        return cls(
            _names(subjects, "subject of events"),
            None if plan is None else checked(plan, "plan id"),
            None if owner is None else checked(owner, "owner"),
            _names(types, "type of events"),
        )

    def within(self, reach: Reach) -> Self:
        """The same, but only events within a reach."""
        return self if reach == ALL else replace(self, owner=reach.owner, project=reach.project)

    def accepts(self, event: Event) -> bool:
        """Whether an event meets every condition."""
        return (
            (self.subjects is None or event.subject in self.subjects)
            and (self.plan is None or self.plan in (event.plan, event.subject))
            and (self.owner is None or event.owner == self.owner)
            and (self.types is None or event.type in self.types)
            and self.project in (None, event.project)
        )

    @property
    def keys(self) -> Iterator[tuple[str, str]]:
        """One of these is in `keys_of` each accepted event, so that not every listener looks at every event."""
        if self.subjects is not None:
            yield from (("subject", subject) for subject in self.subjects)
        elif self.plan is not None:
            yield from (("plan", self.plan), ("subject", self.plan))
        elif self.owner is not None:
            yield "owner", self.owner
        else:
            yield "all", ""

    @property
    def values(self) -> dict[str, Any]:
        """The conditions as parameters of a query."""
        conditions = {
            "subjects": None if self.subjects is None else json.dumps(sorted(self.subjects)),
            "plan": self.plan,
            "owner": self.owner,
            "project": self.project,
            "types": None if self.types is None else json.dumps(sorted(self.types)),
        }
        return {name: value for name, value in conditions.items() if value is not None}


def keys_of(event: Event | Row) -> tuple[tuple[str, str], ...]:
    """The keys under which the listeners of an event may be."""
    return ("subject", event.subject), ("plan", event.plan or ""), ("owner", event.owner), ("all", "")


def _names(given: Names, what: str) -> frozenset[str] | None:
    if given is None:
        return None
    if isinstance(given, str):
        return frozenset([checked(given, what)])
    if not isinstance(given, Collection):
        raise InvalidInput(f"{quoted(given)} is not a list.", hint=f"Give each {what} as text.")
    return frozenset(checked(one, what) for one in given)
