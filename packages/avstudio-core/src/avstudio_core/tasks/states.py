"""The seven states of a task, and which may follow which."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise

from avstudio_core.errors import InvalidTransition


class State(StrEnum):
    """Where a task stands."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    IN_PROGRESS = "IN_PROGRESS"
    AWAITING_REVIEW = "AWAITING_REVIEW"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    BLOCKED = "BLOCKED"


FOLLOWS: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.ASSIGNED, State.BLOCKED}),
    State.ASSIGNED: frozenset({State.IN_PROGRESS, State.BLOCKED}),
    State.IN_PROGRESS: frozenset({State.AWAITING_REVIEW, State.FAILED, State.BLOCKED}),
    State.AWAITING_REVIEW: frozenset({State.COMPLETED, State.IN_PROGRESS}),
    State.FAILED: frozenset({State.PENDING}),
    State.BLOCKED: frozenset({State.PENDING}),
    State.COMPLETED: frozenset(),
}

ENDED = frozenset({State.COMPLETED, State.FAILED, State.BLOCKED})
"""States that only a person's request leaves."""


def require(*path: State) -> None:
    """Refuse a path with a step that the table forbids. Raises `InvalidTransition`."""
    for old, new in pairwise(path):
        if new not in FOLLOWS[old]:
            allowed = ", ".join(sorted(FOLLOWS[old])) or "no other"
            raise InvalidTransition(f"A task may not go from {old} to {new}: {old} goes to {allowed}.")
